"""Serves Artisan: values as the channels of its WebSocket device, marks, and its buttons."""
