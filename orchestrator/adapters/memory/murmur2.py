"""The partitioner of Kafka's Java client, in plain Python.

Source: `org.apache.kafka.common.utils.Utils.murmur2` (32 bit MurmurHash2, seed 0x9747b28c).
"""

from typing import Final

from mypy_extensions import i64

_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def murmur2_hash(key: bytes) -> int:
    """The 32 bit hash, unsigned."""
    length = len(key)
    m: i64 = _M
    mask: i64 = _MASK
    h: i64 = (0x9747B28C ^ length) & _MASK
    k: i64
    whole = length & ~3
    for at in range(0, whole, 4):
        k = key[at] | key[at + 1] << 8 | key[at + 2] << 16 | key[at + 3] << 24
        k = (k * m) & mask
        k ^= k >> 24
        h = ((h * m) & mask) ^ ((k * m) & mask)
    if whole < length:
        for at in range(whole, length):
            h ^= key[at] << (8 * (at - whole))
        h = (h * m) & mask
    h ^= h >> 13
    h = (h * m) & mask
    return h ^ (h >> 15)


def murmur2(key: bytes, partitions: int) -> int:
    """The partition of a key among `partitions`."""
    return (murmur2_hash(key) & 0x7FFFFFFF) % partitions
