"""How good the stored predictions were: decayed log loss, calibration error, base rates.

Scored on the risk *stored at decision time* against the outcome: a prediction made again when the
label is known flatters the model, because the decisions of one session share their label.
"""

from typing import Any

from orchestrator.online.scorer import log_loss

HALF_LIFE_ROWS = 800
"""Of the log losses."""
CALIBRATION_HALF_LIFE_ROWS = 8_000
"""Of the calibration bins: fifteen bins of 800 rows would measure noise (about .04)."""
BINS = 15
MAX_STAGES = 16


class Quality:
    """Running quality of one model, a few hundred numbers, JSON in and out."""

    __slots__ = ("_bins", "_constant", "_loss", "_mass", "_stages", "rows")

    def __init__(self) -> None:
        self.rows = 0
        self._mass = 0.0
        self._loss = 0.0
        self._constant = 0.0
        self._bins: list[list[float]] = [[0.0, 0.0, 0.0] for _ in range(BINS)]
        """By predicted risk: mass, sum of predictions, sum of labels."""
        self._stages: dict[str, list[float]] = {}
        """By stage: mass, sum of labels."""

    def observe(self, risk: float, label: float, stage: str, weight: float = 1.0) -> float:
        """Take one settled prediction in; return its log loss in nats."""
        loss = log_loss(risk, label)
        constant = log_loss(self.base_rate(stage), label)
        keep = 0.5 ** (1.0 / HALF_LIFE_ROWS)
        self._mass = self._mass * keep + weight
        self._loss = self._loss * keep + weight * loss
        self._constant = self._constant * keep + weight * constant
        self._calibrate(risk, label, weight)
        self._count_stage(stage, label, weight)
        self.rows += 1
        return loss

    def base_rate(self, stage: str) -> float:
        """Decayed share of abandonment at a stage, shrunk to a half; what a constant would say."""
        mass, positive = self._stages.get(stage, (0.0, 0.0))
        return (positive + 1.0) / (mass + 2.0)

    def log_loss(self) -> float:
        """Decayed mean log loss in nats; 0 before the first row."""
        return self._loss / self._mass if self._mass else 0.0

    def calibration_error(self) -> float:
        """Expected calibration error over `BINS` equal bins, in [0, 1]."""
        total = sum(mass for mass, _, _ in self._bins)
        if not total:
            return 0.0
        return sum(abs(predicted - labels) for _, predicted, labels in self._bins) / total

    def metrics(self) -> dict[str, float]:
        """As a snapshot publishes them."""
        constant = self._constant / self._mass if self._mass else 0.0
        return {
            "rows": float(self.rows),
            "log_loss": round(self.log_loss(), 6),
            "log_loss_constant": round(constant, 6),
            "calibration_error": round(self.calibration_error(), 6),
            **{
                f"base_rate_{stage}": round(self.base_rate(stage), 6)
                for stage in sorted(self._stages)
            },
        }

    def dump(self) -> list[Any]:
        return [self.rows, self._mass, self._loss, self._constant, self._bins, self._stages]

    @classmethod
    def load(cls, row: list[Any]) -> "Quality":
        quality = cls()
        quality.rows, quality._mass, quality._loss, quality._constant = row[:4]
        quality._bins = [list(values) for values in row[4]]
        quality._stages = {stage: list(values) for stage, values in row[5].items()}
        return quality

    def _calibrate(self, risk: float, label: float, weight: float) -> None:
        keep = 0.5 ** (1.0 / CALIBRATION_HALF_LIFE_ROWS)
        for values in self._bins:
            values[0] *= keep
            values[1] *= keep
            values[2] *= keep
        values = self._bins[min(int(risk * BINS), BINS - 1)]
        values[0] += weight
        values[1] += weight * risk
        values[2] += weight * label

    def _count_stage(self, stage: str, label: float, weight: float) -> None:
        values = self._stages.get(stage)
        if values is None:
            if len(self._stages) >= MAX_STAGES:
                return
            values = self._stages[stage] = [0.0, 0.0]
        keep = 0.5 ** (1.0 / CALIBRATION_HALF_LIFE_ROWS)
        values[0] = values[0] * keep + weight
        values[1] = values[1] * keep + weight * label
