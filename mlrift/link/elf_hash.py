"""Hash tables by which a dynamic linker finds a symbol by its name.

Enters: names and their indexes in the symbol table. Leaves: the bytes of `.hash`, which every
reader understands and which tells how many symbols there are, and of `.gnu.hash`, which is quick.
"""

import struct
from collections.abc import Sequence

_MASK = 0xFFFFFFFF
_BLOOM_SHIFT = 6
_BLOOM_BITS = 64


def sysv_hash(name: str) -> int:
    """Return the hash of System V's tables."""
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte & _MASK
        high = value & 0xF0000000
        value = (value ^ high >> 24) & ~high
    return value


def gnu_hash(name: str) -> int:
    """Return the hash of GNU's tables."""
    value = 5381
    for byte in name.encode():
        value = value * 33 + byte & _MASK
    return value


def gnu_order(names: Sequence[str]) -> list[str]:
    """Return names in the order that `.gnu.hash` wants: those of a bucket together."""
    count = _bucket_count(len(names))
    return sorted(names, key=lambda name: (gnu_hash(name) % count, name))


def sysv_table(names: Sequence[str], first: int) -> bytes:
    """Return `.hash` for defined symbols that follow `first` others, which nobody looks up."""
    bucket_count = _bucket_count(len(names))
    buckets = [0] * bucket_count
    chains = [0] * (first + len(names))
    for index, name in enumerate(names, first):
        bucket = sysv_hash(name) % bucket_count
        chains[index], buckets[bucket] = buckets[bucket], index
    head = (bucket_count, len(chains))
    return struct.pack(f"<{2 + bucket_count + len(chains)}I", *head, *buckets, *chains)


def gnu_table(names: Sequence[str], first: int) -> bytes:
    """Return `.gnu.hash` for defined symbols in `gnu_order` that follow `first` others."""
    bucket_count = _bucket_count(len(names))
    word_count = 1 << max((len(names) * 2 // _BLOOM_BITS).bit_length(), 0)
    bloom = [0] * word_count
    buckets = [0] * bucket_count
    chains: list[int] = []
    hashes = [gnu_hash(name) for name in names]
    for position, value in enumerate(hashes):
        word = value // _BLOOM_BITS % word_count
        bloom[word] |= 1 << value % _BLOOM_BITS | 1 << (value >> _BLOOM_SHIFT) % _BLOOM_BITS
        bucket = value % bucket_count
        buckets[bucket] = buckets[bucket] or first + position
        following = hashes[position + 1] % bucket_count if position + 1 < len(hashes) else -1
        chains.append(value & ~1 | int(following != bucket))
    head = (bucket_count, first, word_count, _BLOOM_SHIFT)
    body = struct.pack(f"<4I{word_count}Q", *head, *bloom)
    return body + struct.pack(f"<{bucket_count + len(chains)}I", *buckets, *chains)


def _bucket_count(count: int) -> int:
    return max(1, count // 2 | 1) if count > 2 else 1
