"""Benchmarks: speed against peers, quality on data. Nothing in the product imports them."""
