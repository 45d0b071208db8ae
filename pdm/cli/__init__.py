"""The `pdm` command; `pdm.cli.app` is where it begins."""
