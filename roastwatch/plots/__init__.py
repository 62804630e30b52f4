"""Pictures of roasts."""
