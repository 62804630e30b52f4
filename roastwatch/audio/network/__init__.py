"""Microphones on the network: they send sound over TCP, UDP, RTSP or the Wyoming protocol."""
