"""Who calls: each runtime owns its clock, threads, retries, logs and metrics."""
