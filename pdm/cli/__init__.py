"""The `pdm` command; `pdm.cli.app` is the entry point."""
