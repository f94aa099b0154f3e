"""Readers of std get random bytes: lines and numbers come out as Python finds them."""

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlrift.driver.options import Optimisation
from mlrift.targets import LINUX_X86_64
from tests.harness.compiler import compile_program
from tests.support.engines import default_engine

_ROUNDS = 12
_LARGEST = (1 << 64) - 1
_SCANNED_LINES, _SCANNED_BYTES = 300, 64
_PIECES = (b"\n", b"\r\n", b"\r", b"\0", b" ", b"\t", b"-", b"7", b"0012", b"x", b"\xff", b"+5 ")
_RARE_PIECES = (b"18446744073709551615", b"18446744073709551616", b"9" * 40, b"ab" * 40_000)


def _make_input(source: random.Random) -> bytes:
    count = source.randrange(2000)
    data = [source.choice(_PIECES) for _ in range(count)]
    for _ in range(source.randrange(6)):
        data.insert(source.randrange(len(data) + 1), source.choice(_RARE_PIECES))
    return b"".join(data)


def _lines(data: bytes) -> Iterator[str]:
    rows = data.split(b"\n")
    for row in rows if rows[-1] else rows[:-1]:
        yield row.removesuffix(b"\r").hex()


def _numbers(data: bytes) -> Iterator[str]:
    for found in re.finditer(rb"[0-9]+", data):
        number = int(found[0])
        yield f"{min(number, _LARGEST)} {int(number <= _LARGEST)}"


def _start(shape: bytes, data: bytes) -> re.Match[bytes]:
    found = re.match(shape, data, re.DOTALL)
    assert found is not None
    return found


def _limited_lines(data: bytes) -> Iterator[str]:
    most = 1
    while data:
        line, end = _start(rb"([^\n\0]{0,%d})([\n\0]?)" % most, data).groups()
        used = len(line) if len(line) == most else len(line) + len(end)
        yield line.hex()
        data = data[used:]
        most = most * 7 % 301 + 1


def _scanned(data: bytes) -> Iterator[str]:
    for _ in range(_SCANNED_LINES):
        line = _start(rb"[^\n\r\0]{0,%d}" % _SCANNED_BYTES, data)[0]
        data = data[len(line) + (len(line) < _SCANNED_BYTES) :]
        found = _start(rb"[ \t]*(-?)([0-9]*)", line)
        number = int(found[2] or b"0")
        yield str((-number if found[1] else number) & _LARGEST)


_MODELS: dict[str, Callable[[bytes], Iterator[str]]] = {
    "lines": _lines,
    "numbers": _numbers,
    "most": _limited_lines,
    "scanned": _scanned,
}


@pytest.fixture(scope="module")
def image() -> bytes:
    """Return the program that reads in all ways, with the run-time checks."""
    source = Path(__file__).parent / "std_readers.mlr"
    compiled = compile_program(source, ["--debug"], (LINUX_X86_64,), Optimisation.NONE)
    return compiled.images[LINUX_X86_64.name]


@pytest.mark.parametrize("way", _MODELS)
def test_reader_agrees_with_python(way: str, image: bytes) -> None:
    engine = default_engine(LINUX_X86_64)
    reason = engine.missing()
    if reason is not None:
        pytest.skip(f"needs {reason}")
    source = random.Random(f"std readers {way}")
    for _ in range(_ROUNDS):
        data = _make_input(source)
        result = engine.run(image, [way], stdin=data)
        assert result.status == 0, result.stderr
        assert result.stdout.decode().splitlines() == list(_MODELS[way](data))
