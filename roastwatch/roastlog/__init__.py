"""The roast log: an SQLite file that survives crashes and power cuts."""
