"""`python -m wholescript` is the command line `wholescript`."""

from wholescript.cli import main

main()
