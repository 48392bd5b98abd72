"""A process that hosts the counting processor: what the integration tests start and kill.

Usage: python -m tests.integration.member ADDRESS EMBEDDED SLOT PREFIX TOPIC_PREFIX SETTINGS

SETTINGS is a JSON object of librdkafka's. `ORCHESTRATOR_TEST_FAILPOINT=NAME:N` ends the process, as
kill -9 does, when it comes by that point for the Nth time: see `failpoints.py`.
"""

import json
import os
import sys

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.adapters.kafka.transport import KafkaTransport
from orchestrator.adapters.store import MemoryTable
from orchestrator.runtimes.worker import HostSettings, run_host
from tests.counting import CountingProcessor
from tests.integration.failpoints import FailingTransport

if __name__ == "__main__":
    address, embedded, slot, group_prefix, topic_prefix, given = sys.argv[1:7]
    cluster = Cluster(address, json.loads(given), embedded=embedded == "1")
    transport = KafkaTransport(cluster)
    failpoint = os.environ.get("ORCHESTRATOR_TEST_FAILPOINT")
    sys.exit(
        run_host(
            CountingProcessor(("clickstream", "orders")),
            FailingTransport(transport, failpoint) if failpoint else transport,
            HostSettings(
                role="worker",
                changelog="state",
                slot=slot,
                group_prefix=group_prefix,
                topic_prefix=topic_prefix,
                clock="event",
                metrics_port=0,
                max_transaction_ms=cluster.session_timeout_ms // 2,
            ),
            SystemClock(),
            table=lambda _: MemoryTable(),
        )
    )
