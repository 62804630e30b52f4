"""Text for people: times, and what no terminal or log may be steered by."""
