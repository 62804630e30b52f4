"""`roastwatch roasts`: the roast log from the command line."""
