"""Programs with vectors do the same at every level of a processor."""

from pathlib import Path

import pytest

from mlrift.driver import pipeline
from mlrift.targets import ARM64, LINUX_ARM64, LINUX_X86_64, X86_64, Target
from tests.harness.compiler import context_for, front_end, options_for
from tests.harness.directives import read_directives
from tests.harness.run_files import IS_THOROUGH
from tests.support.processes import program_file, run_command
from tests.support.qemu import missing_qemu, run_in_qemu
from tests.support.results import DEFAULT_ENVIRONMENT, Invocation
from tests.unit.llvm.machine_code import can_run, host_level

RUN = Path(__file__).parents[2] / "run"
TENSORS = [RUN / "tensor" / "fused.mlr"] if IS_THOROUGH else []
PROGRAMS = [*sorted((RUN / "vectors").glob("*.mlr")), *TENSORS]
LEVELS = (0, 3, 4, 5) if IS_THOROUGH else (0, 4)
ARM64_PROCESSORS = {"cortex-a53": 0, "neoverse-n1": 10, "max": 11}

INVOCATION = Invocation((), b"", DEFAULT_ENVIRONMENT, Path.cwd(), 60.0)


def image_of(source: Path, target: Target, level: int = 99) -> bytes:
    """Return the executable of a program without code for processors above a level."""
    options = options_for(source, [], targets=(target,), processor_level=level)
    context = context_for(options)
    module = front_end(context)
    pipeline.optimise_module(context, module)
    return pipeline.slices(context, module)[0].image


def output_of(image: bytes, *processor: str) -> bytes:
    """Return what a program prints, here or on another processor."""
    if processor:
        return run_in_qemu(image, ARM64, INVOCATION, ("-cpu", *processor)).stdout
    with program_file(image) as path:
        return run_command([str(path)], INVOCATION).stdout


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda row: str(row.stem))
def test_every_level_of_x86_64_does_the_same(program: Path, level: int) -> None:
    if not can_run(X86_64) or host_level() < level:
        pytest.skip(f"needs an x86-64 processor of level {level}")
    assert output_of(image_of(program, LINUX_X86_64, level)) == read_directives(program).expected


@pytest.mark.parametrize("processor", ARM64_PROCESSORS)
def test_every_level_of_arm64_does_the_same(processor: str, tmp_path: Path) -> None:
    if missing_qemu(ARM64):
        pytest.skip("needs qemu-aarch64")
    program = next(row for row in PROGRAMS if row.stem == "products")
    found = output_of(image_of(program, LINUX_ARM64), processor)
    assert found == read_directives(program).expected
    asking = tmp_path / "asking.mlr"
    text = "@simd\nfn level() -> u64 { return vec_level() }\nfn main() { println(level()) }\n"
    asking.write_text(text, encoding="utf-8")
    assert int(output_of(image_of(asking, LINUX_ARM64), processor)) == ARM64_PROCESSORS[processor]
