"""TELL: everything that is told to somebody, one file each."""
