"""Divisions as kernels do them, of words that are hard to divide, against Python's integers."""

from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from mlrift.ir.interpret.kernels import run_kernel
from mlrift.ir.numbers import signed
from mlrift.ir.passes.device_divide import expand_divisions
from mlrift.ir.text import parse_module
from mlrift.ir.verify import check_module

COUNT = 4096
_MASK = 2**64 - 1
_CONSTANTS = (1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 25, 60, 100, 125, 255, 625, 641, 1000, 3600, 65535)
_LARGE = (2**31 - 1, 2**32 - 1, 2**32, 2**32 + 1, 10**10, 10**18, 2**63, 2**63 + 1, 2**64 - 1)


def _interesting(random: Random) -> int:
    """Return a word of any length, often next to a power of two or a multiple of a small number."""
    word = random.getrandbits(random.randrange(1, 65))
    if random.random() < 0.5:
        word = (1 << random.randrange(64)) + random.randrange(-3, 4)
    if random.random() < 0.3:
        word *= random.randrange(1, 1 << 16)
    return word & _MASK


def _run(mnemonic: str, lhs: np.ndarray, rhs: np.ndarray) -> list[int]:
    text = f"""
    exported function @k(%a : i64, %b : i64, %c : i64) {{
    ^entry:
      device.assume_group_size 256, 1, 1
      %g = device.group_id x
      %size = arith.constant 256 : i64
      %first = arith.mul %g, %size
      %l = device.local_id x
      %i = arith.add %first, %l
      %three = arith.constant 3 : i64
      %o = arith.shl %i, %three
      %p = arith.add %a, %o
      %q = arith.add %b, %o
      %r = arith.add %c, %o
      %x = memory.load %p : i64
      %y = memory.load %q : i64
      %z = {mnemonic} %x, %y
      memory.store %r, %z : i64
      control.return
    }}
    """
    return _results(text, lhs, rhs)


def _results(text: str, lhs: np.ndarray, rhs: np.ndarray) -> list[int]:
    module = parse_module(text)
    expand_divisions(module.functions["k"])
    check_module(module, "device_divide")
    found = np.zeros(len(lhs), np.uint64)
    run_kernel(module, "k", (len(lhs) // 256,), (256,), [lhs, rhs, found])
    return [int(word) for word in found]


def _truncated(lhs: int, rhs: int) -> tuple[int, int]:
    quotient = abs(lhs) // abs(rhs)
    quotient = -quotient if (lhs < 0) != (rhs < 0) else quotient
    return quotient & _MASK, (lhs - quotient * rhs) & _MASK


_DIVISIONS: dict[str, Callable[[int, int], int]] = {
    "arith.udiv": lambda lhs, rhs: lhs // rhs,
    "arith.urem": lambda lhs, rhs: lhs % rhs,
    "arith.sdiv": lambda lhs, rhs: _truncated(signed(lhs), signed(rhs))[0],
    "arith.srem": lambda lhs, rhs: _truncated(signed(lhs), signed(rhs))[1],
}


@pytest.mark.parametrize("mnemonic", _DIVISIONS)
def test_words_by_words(mnemonic: str) -> None:
    random = Random(mnemonic)
    lhs = [_interesting(random) for _ in range(COUNT)]
    rhs = [max(_interesting(random), 1) for _ in range(COUNT)]
    for position in range(0, COUNT, 2):
        lhs[position] = (rhs[position] * random.getrandbits(32) + random.randrange(-1, 2)) & _MASK
    found = _run(mnemonic, np.array(lhs, np.uint64), np.array(rhs, np.uint64))
    for one, other, result in zip(lhs, rhs, found, strict=True):
        assert result == _DIVISIONS[mnemonic](one, other), (one, other)


@pytest.mark.parametrize("divisor", [*_CONSTANTS, *_LARGE])
@pytest.mark.parametrize("bits", [16, 32, 64])
def test_words_by_constants(divisor: int, bits: int) -> None:
    random = Random(divisor)
    mask = (1 << bits) - 1
    words = [_interesting(random) & mask for _ in range(128)]
    words += [
        (divisor * random.getrandbits(64) + random.randrange(-1, 2)) & mask for _ in range(128)
    ]
    text = f"""
    exported function @k(%a : i64, %b : i64, %c : i64) {{
    ^entry:
      %l = device.local_id x
      %three = arith.constant 3 : i64
      %o = arith.shl %l, %three
      %p = arith.add %a, %o
      %r = arith.add %c, %o
      %w = memory.load %p : i64
      %mask = arith.constant {mask} : i64
      %x = arith.and %w, %mask
      %d = arith.constant {divisor} : i64
      %q = arith.udiv %x, %d
      %s = arith.urem %x, %d
      %t = arith.mul %q, %d
      %u = arith.add %t, %s
      %v = arith.xor %u, %x
      %y = arith.add %q, %v
      memory.store %r, %y : i64
      control.return
    }}
    """
    assert "udiv" not in text.partition("memory.store")[2]
    numbers = np.array(words, np.uint64)
    assert _results(text, numbers, numbers) == [word // divisor for word in words]
