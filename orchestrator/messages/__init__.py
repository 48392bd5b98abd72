"""What travels on the topics: models, wire decoding, envelope, topic registry, schemas."""
