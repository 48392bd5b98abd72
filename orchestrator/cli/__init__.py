"""What a person types. Heavy modules (river, faust, aiohttp) are imported inside the commands."""

from orchestrator.cli.app import main

__all__ = ["main"]
