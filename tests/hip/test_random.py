"""Random kernels: clang's code of our C++ does in the emulator what our own code does.

Longer: `python -m tests.hip.test_random FIRST LAST` prints the seeds of a range that differ.
"""

import sys
from typing import Any

import numpy
import pytest

from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.compile import compile_kernels
from mlrift.backends.hip.source import print_hip
from mlrift.emulator import Device
from mlrift.ir.passes.device_pipeline import prepare_kernels
from tests.kernels.random_kernels import (
    DOUBLES,
    GROUP,
    GROUPS,
    INPUT_BYTES,
    OUTPUT_BYTES,
    SINGLES,
    WORDS,
    Shape,
    random_kernel,
)
from tests.support.hip import compile_hip

CHIPS = ("gfx1100", "gfx1030", "gfx1201")
STATEMENTS = 9


def outcome(data: bytes, chip_name: str, seed: int) -> list[Any]:
    """Return the variables that a kernel has at its end, NaNs made equal."""
    random = numpy.random.default_rng(seed)
    words = random.integers(0, 256, INPUT_BYTES, dtype=numpy.uint8)
    words.view(numpy.float32)[::2] = random.normal(size=INPUT_BYTES // 8)
    numbers = [numpy.uint64(random.integers(0, 1 << bits)) for bits in (16, 63)]
    found = numpy.zeros(GROUP * GROUPS * OUTPUT_BYTES, numpy.uint8)
    arguments = [found, words, *numbers, numpy.float32(0.75), numpy.float64(-3.5)]
    Device(chip_name).load(data)["random"].launch(grid=GROUPS, block=GROUP, args=arguments)
    rows = found.reshape(-1, OUTPUT_BYTES)
    kinds = ["u8"] * WORDS + ["f4"] * SINGLES + ["f8"] * DOUBLES
    made = []
    for number, kind in enumerate(kinds):
        first = 8 * number
        part = numpy.ascontiguousarray(rows[:, first : first + int(kind[1])]).view(f"<{kind}")
        made.append(numpy.nan_to_num(part, nan=12345.0) if kind[0] == "f" else part)
    return made


def differences(seed: int, shape: Shape, chip_name: str) -> list[int]:
    """Return the variables that differ."""
    chip = chip_named(chip_name)
    assert chip is not None
    source = print_hip(random_kernel(seed, shape, STATEMENTS).module)
    module = prepare_kernels(random_kernel(seed, shape, STATEMENTS).module)
    theirs = outcome(compile_hip(source, chip_name), chip_name, seed)
    ours = outcome(write(compile_kernels(module, chip)), chip_name, seed)
    return [
        number
        for number, (first, second) in enumerate(zip(theirs, ours, strict=True))
        if not numpy.array_equal(first, second)
    ]


@pytest.mark.parametrize("shape", list(Shape), ids=lambda shape: shape.name.lower())
@pytest.mark.parametrize("seed", range(1))
def test_both_roads_give_the_same(seed: int, shape: Shape) -> None:
    chip_name = CHIPS[(seed + list(Shape).index(shape)) % len(CHIPS)]
    assert differences(seed, shape, chip_name) == []


def main() -> None:
    """Run the seeds of a range."""
    first, last = (int(word) for word in sys.argv[1:])
    for seed in range(first, last):
        for shape in Shape:
            for chip_name in CHIPS:
                found = differences(seed, shape, chip_name)
                if found:
                    print(f"seed {seed}, {shape.value}, {chip_name}: variables {found}", flush=True)


if __name__ == "__main__":
    main()
