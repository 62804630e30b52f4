"""How the service reaches the guardian."""
