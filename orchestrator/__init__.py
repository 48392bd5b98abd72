"""Event-streaming customer-journey orchestrator for online retail."""

__version__ = "0.1.0"
