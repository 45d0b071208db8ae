"""Run the command as `python -m pdm.cli`."""

from pdm.cli.app import main

main()
