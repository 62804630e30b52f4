"""Tools of the documentation, for developers. Not part of the installed package."""
