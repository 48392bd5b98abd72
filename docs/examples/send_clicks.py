"""A shopper reads the delivery dates for fifteen seconds. With `--buy`: the order."""

import json
import sys
import time
import uuid

from confluent_kafka import Producer

BROKER = "127.0.0.1:9092"
PROFILE = "anon-4d1"  # another one is another shopper; the same one is not interrupted twice

producer = Producer(
    {
        "bootstrap.servers": BROKER,
        "partitioner": "murmur2_random",  # as the Java client; librdkafka's own default differs
        "enable.idempotence": True,
    }
)
now_ms = int(time.time() * 1000)


def click(seconds_ago, kind, **properties):
    event = {
        "id": str(uuid.uuid4()),
        "type": kind,
        "time_ms": now_ms - seconds_ago * 1000,
        "profile_id": PROFILE,
        "session_id": "s-91",
        "properties": properties,
    }
    producer.produce("clickstream", key=PROFILE, value=json.dumps(event))


cart = {"cart_value_cents": 8990, "currency": "EUR"}
if "--buy" in sys.argv:
    click(0, "order_completed", order_id="o-5512", total_cents=8990, currency="EUR")
else:
    click(60, "product_viewed", product_id="p-17", price_cents=8990, currency="EUR")
    click(40, "product_added", product_id="p-17", price_cents=8990, quantity=1, **cart)
    click(25, "checkout_step_completed", step="contact", **cart)
    click(5, "section_dwelled", section="delivery_dates", visible_ms=15_000)
producer.flush()
