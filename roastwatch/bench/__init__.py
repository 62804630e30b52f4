"""How fast, how large: what a model and the whole path cost on this machine."""
