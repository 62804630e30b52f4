"""The thermal model of a roaster, and its fit to logged roasts."""
