"""Home Assistant without a broker."""
