"""A linear model in plain Python: what workers score with. No River, no NumPy, about 2 µs."""

from collections.abc import Mapping, Sequence
from math import exp, log
from operator import mul
from typing import Final

SATURATION_LOGITS: Final = 30.0
"""Beyond this River answers 0 or 1; a probability that is logged must be neither."""
LEAST_PROBABILITY: Final = 1e-9
"""Every score lies in [this, 1 - this], so that its logarithm and its odds exist."""


def sigmoid(logits: float) -> float:
    """The probability of these log odds, kept off 0 and 1."""
    if logits > SATURATION_LOGITS:
        return 1.0 - LEAST_PROBABILITY
    if logits < -SATURATION_LOGITS:
        return LEAST_PROBABILITY
    p = 1.0 / (1.0 + exp(-logits))
    return min(max(p, LEAST_PROBABILITY), 1.0 - LEAST_PROBABILITY)


def log_loss(p: float, y: float) -> float:
    """Cross entropy of one prediction, in nats; `y` may be a probability."""
    p = min(max(p, LEAST_PROBABILITY), 1.0 - LEAST_PROBABILITY)
    return -(y * log(p) + (1.0 - y) * log(1.0 - p))


class LinearScorer:
    """Weights with the scaler folded in: ``sigmoid(bias + weights . x)``.

    Args:
        features: Names, in the order of `weights`.
        weights: Log odds per unit of the feature as the ledger holds it (not standardised).
        bias: Log odds where every feature is 0.
    """

    __slots__ = ("_by_name", "bias", "features", "weights")

    def __init__(self, features: Sequence[str], weights: Sequence[float], bias: float) -> None:
        if len(features) != len(weights):
            raise ValueError(f"{len(features)} features but {len(weights)} weights")
        self.features = tuple(features)
        self.weights = tuple(weights)
        self.bias = bias
        self._by_name = dict(zip(self.features, self.weights, strict=True))

    def logits(self, x: Sequence[float]) -> float:
        """Log odds of a row in the order of `features`."""
        return sum(map(mul, self.weights, x), self.bias)

    def score(self, x: Sequence[float]) -> float:
        """Probability of a row in the order of `features`."""
        return sigmoid(sum(map(mul, self.weights, x), self.bias))

    def row(self, named: Mapping[str, float]) -> list[float]:
        """Named features as a row; what the mapping lacks is 0, what the model lacks is dropped."""
        get = named.get
        return [get(name, 0.0) for name in self.features]

    def over(self, names: Sequence[str]) -> "LinearScorer":
        """The same model for rows of other names: unknown ones weigh 0, missing ones read as 0."""
        weights = self._by_name
        return LinearScorer(names, [weights.get(name, 0.0) for name in names], self.bias)

    def score_named(self, named: dict[str, float]) -> float:
        """Probability of a named snapshot, such as the `features` of a ledger entry."""
        weights = self._by_name
        logits = self.bias
        for name, value in named.items():
            weight = weights.get(name)
            if weight is not None:
                logits += weight * value
        return sigmoid(logits)

    def contributions(self, named: Mapping[str, float]) -> list[tuple[str, float]]:
        """Log odds each named feature adds, the largest first: what `explain` prints."""
        get = named.get
        parts = [(name, weight * get(name, 0.0)) for name, weight in self._by_name.items()]
        return sorted(parts, key=lambda part: (-abs(part[1]), part[0]))


def fold(
    weights: Sequence[float],
    means: Sequence[float],
    variances: Sequence[float],
    intercept: float,
) -> tuple[list[float], float]:
    """Fold a standard scaler into the weights behind it.

    A feature whose variance is 0 stands still: River's scaler maps it to 0, so its weight is 0.

    Returns:
        Weights and bias on unscaled features; equal to scaling first within rounding.
    """
    folded = [
        weight / variance**0.5 if variance else 0.0
        for weight, variance in zip(weights, variances, strict=True)
    ]
    return folded, intercept - sum(map(mul, folded, means))
