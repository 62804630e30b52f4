"""The running service: stations, their roasters, the roast log, and what people ask."""
