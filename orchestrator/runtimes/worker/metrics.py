"""Names and help of every metric, in base units, and their Prometheus form."""

from collections.abc import Mapping
from typing import Any, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

from orchestrator.ports import GroupConsumer, Metrics
from orchestrator.runtimes.worker.units import Unit

disable_created_metrics()  # type: ignore[no-untyped-call]
"""Else each counter had a further series, `_created`, that is none of METRICS."""

Kind = Literal["counter", "gauge", "histogram"]
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)

METRICS: Mapping[str, tuple[Kind, str, tuple[str, ...]]] = {
    "events": ("counter", "Input records folded or passed over, by topic.", ("topic",)),
    "batches": ("counter", "Batches committed.", ()),
    "batch_records": ("counter", "Records in committed batches.", ()),
    "batch_seconds": ("histogram", "From the first record of a batch to its commit.", ()),
    "commit_seconds": ("histogram", "Sending and committing a batch's transaction.", ()),
    "emits": ("counter", "Messages written, by topic.", ("topic",)),
    "decisions": ("counter", "Ledger entries written, by the action chosen.", ("action",)),
    "refusals": ("counter", "Candidates refused in ledger entries, by reason.", ("reason",)),
    "dead_letters": ("counter", "Records sent to the dead letters, by reason.", ("reason",)),
    "misrouted": ("counter", "Records forwarded to their key's partition.", ("topic",)),
    "timer_faults": ("counter", "Timers whose fold raised, by type of error.", ("error",)),
    "partition_faults": ("counter", "Batches undone because the processor raised.", ("error",)),
    "aborts": ("counter", "Transactions aborted.", ()),
    "rebalances": ("counter", "Assignments received from the group.", ()),
    "restore_seconds": ("histogram", "Restoring one partition from the changelog.", ()),
    "restored_rows": ("counter", "Changelog rows read to restore.", ()),
    "broadcasts": ("counter", "Records of broadcast topics read.", ()),
    "broadcasts_refused": ("counter", "Records of broadcast topics refused, by topic.", ("topic",)),
    "lag_records": ("gauge", "Records in the log not folded yet.", ("topic", "partition")),
    "clock_lag_seconds": ("gauge", "Wall time less a partition's time.", ("partition",)),
    "live_profiles": ("gauge", "Keys with state, by partition.", ("partition",)),
    "ready": ("gauge", "1 while every partition of ours is restored and read.", ()),
}
"""Name without the prefix `orchestrator_`: kind, help, labels."""


class PrometheusMetrics:
    """Implements `orchestrator.ports.Metrics`.

    Args:
        registry: Where the metrics are listed.
        group: Constant label `group` of every metric.
    """

    def __init__(self, registry: CollectorRegistry, group: str) -> None:
        self._group = group
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for name, (kind, text, labels) in METRICS.items():
            full, names = f"orchestrator_{name}", ("group", *labels)
            if kind == "counter":
                self._counters[name] = Counter(full, text, names, registry=registry)
            elif kind == "gauge":
                self._gauges[name] = Gauge(full, text, names, registry=registry)
            else:
                self._histograms[name] = Histogram(
                    full, text, names, registry=registry, buckets=_SECONDS
                )

    def count(self, name: str, amount: float = 1, labels: Mapping[str, str] | None = None) -> None:
        self._counters[name].labels(self._group, *(labels or {}).values()).inc(amount)

    def gauge(self, name: str, value: float, labels: Mapping[str, str] | None = None) -> None:
        self._gauges[name].labels(self._group, *(labels or {}).values()).set(value)

    def observe(self, name: str, value: float, labels: Mapping[str, str] | None = None) -> None:
        self._histograms[name].labels(self._group, *(labels or {}).values()).observe(value)

    def forget(self, name: str, labels: Mapping[str, str]) -> None:
        """Drop a gauge of a partition that is no longer ours."""
        gauge = self._gauges[name]
        try:
            gauge.remove(self._group, *labels.values())
        except KeyError:
            return


def report(metrics: Metrics, unit: Unit[Any], consumer: GroupConsumer, wall_ms: int) -> None:
    """The gauges of one partition."""
    labels = {"partition": str(unit.number)}
    metrics.gauge("live_profiles", len(unit.table), labels)
    now_ms = unit.runner.clock.now_ms
    if now_ms:
        metrics.gauge("clock_lag_seconds", (wall_ms - now_ms) / 1000, labels)
    if not unit.ready:
        return
    idle = unit.merge.is_idle()
    for lane in unit.lanes.values():
        high = consumer.high_water(lane.place)
        if high is not None:
            # control markers take offsets too: at the end nothing lags, whatever the numbers say
            lag = 0 if idle else max(0, high - (lane.next or 0))
            metrics.gauge("lag_records", lag, {"topic": lane.topic, **labels})


class NoMetrics:
    """Counts nothing."""

    def count(self, name: str, amount: float = 1, labels: Mapping[str, str] | None = None) -> None:
        """Nothing."""

    def gauge(self, name: str, value: float, labels: Mapping[str, str] | None = None) -> None:
        """Nothing."""

    def observe(self, name: str, value: float, labels: Mapping[str, str] | None = None) -> None:
        """Nothing."""
