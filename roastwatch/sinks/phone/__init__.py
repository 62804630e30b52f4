"""Alerts on phones, and the buttons on them."""
