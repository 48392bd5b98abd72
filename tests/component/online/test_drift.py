"""The drift alarm counts; it resets nothing."""

from math import log

import pytest

from orchestrator.online.drift import DriftAlarm
from orchestrator.online.scorer import log_loss


def test_a_jump_of_the_loss_raises_the_alarm() -> None:
    """Quiet on a steady stream, raised soon after the mean changed."""
    alarm = DriftAlarm()
    for step in range(2000):
        alarm.observe(0.4 + 0.1 * (step % 3))
    assert alarm.alarms == 0
    for step in range(500):
        alarm.observe(1.4 + 0.1 * (step % 3))
    assert alarm.alarms >= 1


def test_log_loss_is_cross_entropy() -> None:
    """In nats, finite at the ends, and mixed for a label between."""
    assert log_loss(0.8, 1.0) == pytest.approx(-log(0.8))
    assert log_loss(0.8, 0.0) == pytest.approx(-log(0.2))
    assert log_loss(0.8, 0.25) == pytest.approx(-0.25 * log(0.8) - 0.75 * log(0.2))
    assert log_loss(1.0, 0.0) < 25.0
