"""Speed: one reference job on several engines, the whole product, and latency above the broker."""
