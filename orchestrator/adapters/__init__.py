"""The outside, implemented: Kafka, the embedded broker, state tables, clocks, and memory twins."""
