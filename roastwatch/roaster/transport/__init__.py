"""Serial ports, sockets, USB, and what cleans their lines and values."""
