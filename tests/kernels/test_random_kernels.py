"""Random kernels: what the compiled code does in the emulator is what the interpreter says.

Longer: `python -m tests.kernels.test_random_kernels FIRST LAST [STATEMENTS]` runs the seeds of a
range on the three chips and prints those that differ.
"""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from mlrift.backends.amdgcn.check.checking import check_code_object
from mlrift.backends.amdgcn.chips import Chip, chip_named
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.compile import compile_kernels
from mlrift.emulator import Device
from mlrift.ir.interpret.kernels import run_kernel
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

CHIPS = ("gfx1030", "gfx1100", "gfx1201")
_SEEDS = 8
_STATEMENTS = 14


@pytest.mark.parametrize("shape", list(Shape), ids=lambda shape: shape.name.lower())
@pytest.mark.parametrize("seed", range(_SEEDS))
def test_compiled_kernel_does_what_the_interpreter_says(seed: int, shape: Shape) -> None:
    chip = CHIPS[(seed + list(Shape).index(shape)) % len(CHIPS)]
    assert not list(differences(seed, shape, _STATEMENTS, (chip,)))


def differences(
    seed: int, shape: Shape, statements: int, chips: tuple[str, ...] = CHIPS
) -> Iterator[str]:
    """Yield what is wrong with the code of a seed's kernel."""
    expected = _output()
    interpreted = random_kernel(seed, shape, statements).module
    run_kernel(interpreted, "random", [GROUPS], [GROUP], [expected, *launch_arguments(seed)])
    module = prepare_kernels(random_kernel(seed, shape, statements).module)
    for name in chips:
        data = write(compile_kernels(module, _chip(name)))
        yield from (f"{name}: {found}" for found in check_code_object(data))
        found = _output()
        kernel = Device(name).load(data)["random"]
        kernel.launch(grid=GROUPS, block=GROUP, args=[found, *launch_arguments(seed)])
        yield from (f"{name}: {text}" for text in unequal(expected, found))


def _chip(name: str) -> Chip:
    found = chip_named(name)
    assert found is not None
    return found


def _output() -> Any:
    return np.zeros(GROUP * GROUPS * OUTPUT_BYTES, np.uint8)


def launch_arguments(seed: int) -> list[Any]:
    """Return the input, two words, an f32 and an f64."""
    random = np.random.default_rng(seed)
    data = random.integers(0, 256, INPUT_BYTES, dtype=np.uint8)
    data.view(np.float32)[::2] = random.normal(size=INPUT_BYTES // 8)
    words = [np.uint64(random.integers(0, 1 << bits)) for bits in (16, 63)]
    return [data, *words, np.float32(random.normal()), np.float64(random.normal())]


def unequal(expected: Any, found: Any) -> Iterator[str]:
    """Yield the variables that differ in some item; any NaN is as good as another."""
    kinds = ["u8"] * WORDS + ["f4"] * SINGLES + ["f8"] * DOUBLES
    rows = expected.reshape(-1, OUTPUT_BYTES), found.reshape(-1, OUTPUT_BYTES)
    for number, kind in enumerate(kinds):
        first = 8 * number
        size = int(kind[1])
        wanted, got = (
            np.ascontiguousarray(side[:, first : first + size]).view(f"<{kind}") for side in rows
        )
        same = (wanted == got) | (np.isnan(wanted) & np.isnan(got))
        if not same.all():
            item = int(np.nonzero(~same.reshape(-1))[0][0])
            yield f"variable {number} of item {item} is {got[item]}, not {wanted[item]}"


def main() -> None:
    """Run the seeds of a range."""
    first, last, *rest = (int(word) for word in sys.argv[1:])
    for seed in range(first, last):
        for shape in Shape:
            for text in differences(seed, shape, rest[0] if rest else _STATEMENTS):
                print(f"seed {seed}, {shape.value}, {text}", flush=True)


if __name__ == "__main__":
    main()
