"""`python -m roastwatch` is `roastwatch`."""

from roastwatch.cli import main

main()
