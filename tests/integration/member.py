"""A process that hosts the counting processor: what the integration tests start and kill.

Usage: python -m tests.integration.member ADDRESS EMBEDDED SLOT PREFIX TOPIC_PREFIX
"""

import sys

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.adapters.kafka.transport import KafkaTransport
from orchestrator.adapters.store import MemoryTable
from orchestrator.runtimes.worker import HostSettings, run_host
from tests.counting import CountingProcessor

if __name__ == "__main__":
    address, embedded, slot, group_prefix, topic_prefix = sys.argv[1:6]
    cluster = Cluster(address, embedded=embedded == "1")
    sys.exit(
        run_host(
            CountingProcessor(("clickstream", "orders")),
            KafkaTransport(cluster),
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
