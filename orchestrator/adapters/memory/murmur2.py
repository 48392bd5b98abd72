"""The partitioner of Kafka's Java client, in plain Python.

Source: `org.apache.kafka.common.utils.Utils.murmur2` (32 bit MurmurHash2, seed 0x9747b28c).
"""

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2_hash(key: bytes) -> int:
    """The 32 bit hash, unsigned."""
    length = len(key)
    h = (0x9747B28C ^ length) & _MASK
    whole = length & ~3
    for index in range(0, whole, 4):
        k = int.from_bytes(key[index : index + 4], "little")
        k = (k * _M) & _MASK
        k ^= k >> 24
        h = ((h * _M) & _MASK) ^ ((k * _M) & _MASK)
    if whole < length:
        h ^= int.from_bytes(key[whole:], "little")
        h = (h * _M) & _MASK
    h ^= h >> 13
    h = (h * _M) & _MASK
    return h ^ (h >> 15)


def murmur2(key: bytes, partitions: int) -> int:
    """The partition of a key among `partitions`."""
    return (murmur2_hash(key) & 0x7FFFFFFF) % partitions
