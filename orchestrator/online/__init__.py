"""The learning kit, and the only home of River: models, drift, snapshots, evaluation, keyed draws.

Nothing here knows a shopper: numbers go in by name, numbers come out. `rng` is the one source of
randomness of the product.
"""
