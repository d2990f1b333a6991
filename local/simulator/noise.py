"""Pure noise: numbers that depend on a seed, a name and a time, and on nothing else."""

from __future__ import annotations

import hashlib

MASK = (1 << 64) - 1
_OCTAVE = 0xD1B54A32D192ED03

Octaves = tuple[tuple[int, float], ...]
"""The time scales of a price: (seconds between two lattice points, greatest relative deviation)."""


def salt(seed: int, *names: str) -> int:
    """A 64-bit number for `names` under `seed`, the same in every process and on every machine."""
    text = "\x1f".join((str(seed), *names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def mix(value: int) -> int:
    """64 well-stirred bits of `value` (the finaliser of splitmix64)."""
    value = (value + 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def unit(value: int) -> float:
    """A number in [0, 1) that depends on `value` alone."""
    value = (value + 0x9E3779B97F4A7C15) & MASK  # `mix`, written out: this is where most of the time goes
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return ((value ^ (value >> 31)) >> 11) / 9007199254740992.0


def stream(key: int, start: int, length: int, size: int) -> bytes:
    """`size` noise bytes for the time span of `length` seconds that begins at `start` (epoch seconds)."""
    name = key.to_bytes(8, "big") + start.to_bytes(8, "big", signed=True) + length.to_bytes(4, "big")
    return hashlib.shake_128(name).digest(size)


def value_noise(key: int, at: int, octaves: Octaves) -> float:
    """The sum over `octaves` of lattice noise in [-1, 1], interpolated linearly at `at` (epoch seconds).

    Only the four basic operations are used, so that the result has the same bits everywhere.
    """
    total = 0.0
    for period, amplitude in octaves:
        index, rest = divmod(at, period)
        here = unit(key ^ ((index * _OCTAVE + period) & MASK))
        if rest:
            there = unit(key ^ (((index + 1) * _OCTAVE + period) & MASK))
            here += (there - here) * rest / period
        total += amplitude * (2.0 * here - 1.0)
    return total
