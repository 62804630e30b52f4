"""The roast log: an SQLite file that no crash empties."""
