"""The command line: thin skins over what the service does."""

from gridgov.cli.entry import main

__all__ = ["main"]
