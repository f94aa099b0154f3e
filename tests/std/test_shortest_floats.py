"""std/fmt_float.mlr against Python's and NumPy's shortest digits."""

import math
import random
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for
from tests.support.engines import engine_named

PROGRAM = """
import "std/fmt_float.mlr"
import "std/fs.mlr"
import "std/buffer.mlr"

fn main() {
    (u64 bytes, u64 size, u64 _err) = fs_read_file("numbers")
    u64 w = writer_new(1)
    u64 p = bytes
    while p < bytes + size {
        f64 wide = load64(p)
        f32 single = load32(p + 8)
        writer_line(w, fmt_f64_shortest(wide))
        writer_line(w, fmt_f32_shortest(single))
        p += 12
    }
    writer_free(w)
}
"""


def numbers() -> list[tuple[float, float]]:
    """Return pairs of an f64 and an f32: any bits, few digits, neighbours of those."""
    source = random.Random(6)
    found = [0.0, -0.0, 5e-324, 1e-4, 9.999e-5, 1e15, 999999999999999.0, 1e16, 0.1 + 0.2]
    for _ in range(4000):
        found.append(struct.unpack("<d", source.randbytes(8))[0])
        few = source.randrange(10 ** source.randint(1, 17)) / 10 ** source.randint(0, 8)
        found += [few, -few, float(np.nextafter(few, np.inf)), few * 2**-20]
    with np.errstate(over="ignore"):
        singles = [float(np.float32(x)) for x in found]
    return list(zip(found, singles, strict=True))


def test_digits_are_the_shortest_that_read_back(tmp_path: Path) -> None:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    pairs = numbers()
    (tmp_path / "numbers").write_bytes(b"".join(struct.pack("<df", *pair) for pair in pairs))
    program = compile_for(tmp_path, PROGRAM, LINUX_X86_64)
    done = subprocess.run([str(program)], capture_output=True, cwd=tmp_path, check=True)
    lines = done.stdout.decode().splitlines()
    for index, (wide, single) in enumerate(pairs):
        assert lines[2 * index] == repr(wide)
        text = lines[2 * index + 1]
        assert _digits(text) == _digits(np.format_float_scientific(np.float32(single)))
        assert np.float32(text) == np.float32(single) or math.isnan(single)


def _digits(text: str) -> str:
    return text.lstrip("-").partition("e")[0].replace(".", "").strip("0")
