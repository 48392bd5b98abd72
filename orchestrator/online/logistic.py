"""The learner of record: River's standard scaler and AdaGrad logistic regression, with JSON state.

The only module that reads River's attributes; `tests/component/online/test_logistic.py` fails
loudly when they move. Importing it loads River (1.3 s): the learner does, the workers do not.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from river import linear_model, optim, preprocessing
from river.utils import VectorDict

from orchestrator.online.scorer import LinearScorer
from orchestrator.online.snapshots import STATE_VECTORS, check_state, folded


@dataclass(frozen=True, slots=True)
class LearningRates:
    """How fast the model moves; measured in a simulated shop, see `docs/model-cards/risk.md`."""

    step: float = 0.05
    """AdaGrad's first step, standardised units."""
    l2: float = 1e-4
    intercept: float = 0.02
    """Plain gradient step of the intercept, for a row of weight 1."""


class _SoftLog(optim.losses.Log):
    """Log loss that takes a probability as its label; equal to River's at 0 and 1."""

    def gradient(self, y_true: Any, y_pred: Any) -> Any:
        if y_true in (0, 1):
            return super().gradient(y_true, y_pred)
        against, towards = super().gradient(0, y_pred), super().gradient(1, y_pred)
        return y_true * towards + (1.0 - y_true) * against


class OnlineLogistic:
    """Predict, then learn, one row at a time; state goes to JSON and comes back exactly.

    Args:
        features: Names in the order of every row; fixed for the life of the model.
        rates: Step sizes.
    """

    def __init__(self, features: Sequence[str], rates: LearningRates | None = None) -> None:
        if len(set(features)) != len(features):
            raise ValueError("a feature is named twice")
        rates = rates or LearningRates()
        self.features = tuple(features)
        self.examples = 0
        self._scaler = preprocessing.StandardScaler()
        self._model = linear_model.LogisticRegression(
            optimizer=optim.AdaGrad(rates.step),
            loss=_SoftLog(),
            l2=rates.l2,
            intercept_lr=rates.intercept,
        )

    def predict(self, x: Sequence[float]) -> float:
        """Probability that the label is 1, in [0, 1]."""
        scaled = self._scaler.transform_one(dict(zip(self.features, x, strict=True)))
        return float(self._model.predict_proba_one(scaled)[True])

    def learn(self, x: Sequence[float], y: float, weight: float = 1.0) -> None:
        """Take one row in.

        Args:
            x: Values in the order of `features`, finite.
            y: Label in [0, 1]; between the two it is a probability (a censored row).
            weight: Importance, > 0; scales the gradient, not the scaler.
        """
        named = dict(zip(self.features, x, strict=True))
        self._scaler.learn_one(named)
        self._model.learn_one(self._scaler.transform_one(named), y, w=weight)
        self.examples += 1

    def folded(self) -> LinearScorer:
        """What a worker scores with: the scaler folded into the weights."""
        return folded(self.features, self.state())

    def state(self) -> dict[str, Any]:
        """Everything the next prediction and the next step depend on, as plain JSON values."""
        scaler, model, names = self._scaler, self._model, self.features
        weights = model.weights
        return {
            "examples": self.examples,
            "steps": model.optimizer.n_iterations,
            "intercept": model.intercept,
            "counts": [scaler.counts.get(name, 0) for name in names],
            "means": [scaler.means.get(name, 0.0) for name in names],
            "variances": [scaler.vars.get(name, 0.0) for name in names],
            "weights": [weights.get(name, 0.0) for name in names],
            "gradients": [model.optimizer.g2.get(name, 0.0) for name in names],
        }

    @classmethod
    def restore(
        cls, features: Sequence[str], state: Mapping[str, Any], rates: LearningRates | None = None
    ) -> "OnlineLogistic":
        """The inverse of `state`: it predicts and learns exactly as the one that was dumped.

        Raises:
            InvalidPolicy: The state does not fit the features, or holds no finite numbers.
        """
        check_state(features, state)
        model = cls(features, rates)
        columns = {
            name: dict(zip(model.features, state[name], strict=True)) for name in STATE_VECTORS
        }
        model.examples = state["examples"]
        scaler, logistic = model._scaler, model._model
        scaler.counts = Counter(columns["counts"])
        scaler.means = defaultdict(float, columns["means"])
        scaler.vars = defaultdict(float, columns["variances"])
        logistic.intercept = float(state["intercept"])
        logistic.optimizer.n_iterations = state["steps"]
        logistic.optimizer.g2 = defaultdict(float, columns["gradients"])
        logistic._weights = VectorDict(columns["weights"])  # noqa: SLF001
        return model
