"""The fast lane's fold: clicks to sessions, risk, one action under guardrails, revocations."""
