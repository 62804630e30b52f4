"""A recorded roast, and its file formats."""
