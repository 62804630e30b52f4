"""`roastwatch roaster`: the machine from the command line."""
