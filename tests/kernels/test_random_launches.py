"""Random kernels launched on this machine's CPU do what the interpreter says.

Longer: `python -m tests.kernels.test_random_launches FIRST LAST [STATEMENTS]` runs the seeds of a
range and prints those that differ.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlrift.driver import library_units, pipeline
from mlrift.driver.compilation import RecordingReader
from mlrift.driver.options import Optimisation
from mlrift.frontend import lower
from mlrift.ir.core import Linkage, Module
from mlrift.ir.interpret.kernels import run_kernel
from mlrift.ir.passes.expand_device import expand_device
from mlrift.ir.verify import verify_module
from mlrift.targets import LINUX_X86_64
from tests.harness.compiler import compile_module, context_for, options_for
from tests.kernels.random_kernels import (
    GROUP,
    GROUPS,
    INPUT_BYTES,
    OUTPUT_BYTES,
    Shape,
    random_kernel,
)
from tests.kernels.test_random_kernels import launch_arguments, unequal
from tests.support.engines import engine_named

_ENGINE = engine_named("linux-x64")
_SEEDS = 2
_STATEMENTS = 14
_SIZE_BYTES = GROUP * GROUPS * OUTPUT_BYTES
_PROGRAM = """
static u64[{out_words}] out
static u64[{data_words}] data
static u64[2] floats
@kernel
fn random(u64 o, u64 i, u64 a, u64 b, f32 c, f64 d) {{ store64(o, a + b + tid_x()) }}
fn main() {{
    store64(floats, {single})
    store64(floats + 8, {double})
    f32 c = load32(floats)
    f64 d = load64(floats + 8)
    launch(random, {groups}, {group}, out, data, {first}, {second}, c, d)
    write(1, out, {out_bytes})
}}
"""


@pytest.mark.parametrize("shape", list(Shape), ids=lambda shape: shape.name.lower())
@pytest.mark.parametrize("seed", range(_SEEDS))
def test_launched_kernel_does_what_the_interpreter_says(seed: int, shape: Shape) -> None:
    missing = _ENGINE.missing()
    if missing:
        pytest.skip(missing)
    assert not differences(seed, shape, _STATEMENTS, Optimisation.NONE)


def differences(seed: int, shape: Shape, statements: int, level: Optimisation) -> list[str]:
    """Return what is wrong with the launch of a seed's kernel."""
    expected = np.zeros(_SIZE_BYTES, np.uint8)
    interpreted = random_kernel(seed, shape, statements).module
    run_kernel(interpreted, "random", [GROUPS], [GROUP], [expected, *launch_arguments(seed)])
    result = _ENGINE.run(_image(seed, shape, statements, level))
    if result.status or len(result.stdout) != _SIZE_BYTES:
        return [f"status {result.status}: {result.stderr.decode(errors='replace')}"]
    return list(unequal(expected, np.frombuffer(result.stdout, np.uint8)))


def _image(seed: int, shape: Shape, statements: int, level: Optimisation) -> bytes:
    """Compile a program that launches a seed's kernel and writes what it stored."""
    data, first, second, single, double = launch_arguments(seed)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "launch.mlr"
        text = _PROGRAM.format(
            out_words=_SIZE_BYTES // 8,
            data_words=INPUT_BYTES // 8,
            out_bytes=_SIZE_BYTES,
            groups=GROUPS,
            group=GROUP,
            first=first,
            second=second,
            single=_bits(single, np.uint32),
            double=_bits(double, np.uint64),
        )
        source.write_text(text, encoding="utf-8")
        module = _lowered(source)
        kernel = random_kernel(seed, shape, statements).module.functions["random"]
        kernel.linkage = Linkage.INTERNAL
        module.functions["random"] = kernel
        expand_device(module)
        module.globals["static.data"].data = bytes(data)
        library_units.merge_core_library(module)
        assert not verify_module(module)
        made = compile_module(module, source, [], (LINUX_X86_64,), level)
    return made.images[LINUX_X86_64.name]


def _lowered(source: Path) -> Module:
    context = context_for(options_for(source, [], targets=(LINUX_X86_64,)))
    typed = pipeline.check_types(context, pipeline.parse(context, RecordingReader()))
    assert not context.sink.has_errors
    return lower.lower_program(typed, lower.LowerOptions(), "launch")


def _bits(number: Any, kind: type) -> int:
    return int(np.array([number]).view(kind)[0])


def main() -> None:
    """Run the seeds of a range, every fourth one optimised."""
    first, last, *rest = (int(word) for word in sys.argv[1:])
    for seed in range(first, last):
        level = Optimisation.NONE if seed % 4 else Optimisation.FULL
        for shape in Shape:
            for text in differences(seed, shape, rest[0] if rest else _STATEMENTS, level):
                print(f"seed {seed}, {shape.value}, {text}", flush=True)


if __name__ == "__main__":
    main()
