"""`python -m orchestrator` and the `orchestrator` command."""

from orchestrator.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
