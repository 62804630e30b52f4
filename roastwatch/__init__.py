"""roastwatch listens to a coffee roast, hears first crack, and tells Home Assistant and you."""

__version__ = "0.1.0"
