"""A channel system: show what is issued, take back what is revoked, never show what has expired."""

import json
import time
import uuid

from confluent_kafka import Consumer, Producer

BROKER = "127.0.0.1:9092"
consumer = Consumer(
    {
        "bootstrap.servers": BROKER,
        "group.id": "my-chat",
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",  # commands are written in transactions
        "session.timeout.ms": 6000,  # the embedded broker lets a new member wait for half of it
    }
)
consumer.subscribe(["interventions.chat", "interventions.onsite"])
producer = Producer({"bootstrap.servers": BROKER, "partitioner": "murmur2_random"})
shown = {}  # by command id; a real system keeps these two in its database
seen = set()


def tell(command, what):
    """Feedback: the product learns from it, and does not ask again who waved it away."""
    now_ms = int(time.time() * 1000)
    feedback = {
        "id": str(uuid.uuid4()),
        "type": what,  # delivered, shown, clicked, accepted, dismissed, expired ...
        "time_ms": now_ms,
        "profile_id": command["profile_id"],
        "command_id": command["id"],
        "channel": command["channel"],
    }
    producer.produce("feedback", key=command["profile_id"], value=json.dumps(feedback))
    producer.poll(0)


def take_back(command_id, why):
    command = shown.pop(command_id, None)
    if command is not None:
        print(f"take back {command['action']} from {command['profile_id']}: {why}", flush=True)


try:
    while True:
        record = consumer.poll(1.0)
        if record is None or record.error():
            continue
        message = json.loads(record.value())
        if message["type"] == "intervention_revoked":
            take_back(message["id"], message["reason"])
        elif message["type"] == "intervention_issued" and message["id"] not in seen:
            seen.add(message["id"])
            if message["expires_at_ms"] <= time.time() * 1000:
                continue  # too late: an old offer is worse than none
            if message["supersedes"]:
                take_back(message["supersedes"], "superseded")
            shown[message["id"]] = message
            content = message["content"]
            text = content["headline"] or content["body"] or message["placement"]
            print(f"show {message['action']} to {message['profile_id']}: {text}", flush=True)
            tell(message, "shown")
except KeyboardInterrupt:
    pass  # Ctrl-C ends it
finally:
    consumer.close()
    producer.flush()
