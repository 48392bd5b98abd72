"""Sessions of a profile: windows of event time that any order of arrival fills alike."""

from orchestrator.domain.sessions.hashing import event_hash
from orchestrator.domain.sessions.intake import ClickEvent
from orchestrator.domain.sessions.session import Session, Verdict
from orchestrator.domain.sessions.session_set import Routed, SessionSet
from orchestrator.domain.sessions.settings import SessionSettings
from orchestrator.domain.sessions.stages import STAGES

__all__ = [
    "STAGES",
    "ClickEvent",
    "Routed",
    "Session",
    "SessionSet",
    "SessionSettings",
    "Verdict",
    "event_hash",
]
