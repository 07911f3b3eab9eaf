"""The command ``dedup``: thin; every command calls one thing of the rooms below and shows the answer."""

from dedup.cli.main import main

__all__ = ["main"]
