"""Twins in memory, for unit tests: a broker with transactions, and its clients."""
