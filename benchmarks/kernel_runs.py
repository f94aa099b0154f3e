"""Run the twin kernels in the emulator: how many instructions they execute, and what comes out;
and how fast the emulator is.
"""

import statistics
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.kernel_code import HINTS
from benchmarks.kernel_inputs import Argument, input_of
from mlrift.backends.amdgcn.check.decoding import decode_code
from mlrift.emulator import Device, Program

_TOLERANCE = 2e-5
_ROWS = 512
_COLUMNS = 4096
_ROUNDS = 6


@dataclass(frozen=True)
class Executed:
    """Instructions of all waves of a launch, without hints, and the arguments afterwards."""

    instructions: int
    arguments: list[Argument]


def execute(program: Program, name: str) -> Executed:
    """Launch a kernel on its input."""
    launch = input_of(name)
    report = program[name].launch(launch.grid, launch.block, launch.arguments)
    counted = (row for row in report.counts if not row.text.startswith(HINTS))
    return Executed(sum(row.executions for row in counted), launch.arguments)


def load(chip_name: str, code_object: bytes) -> Program:
    """Return a code object on an emulated device."""
    return Device(chip_name).load(code_object)


def differs(ours: Executed, clang: Executed) -> bool:
    """Return whether the two sides computed something else; NaN equals NaN."""
    return not all(
        np.allclose(
            np.asarray(one, np.float64),
            np.asarray(other, np.float64),
            rtol=_TOLERANCE,
            atol=_TOLERANCE,
            equal_nan=True,
        )
        for one, other in zip(ours.arguments, clang.arguments, strict=True)
    )


@dataclass(frozen=True)
class EmulatorSpeed:
    """Wave instructions a second of a matrix-vector product once translated, and the time before:
    loading and translating it and the kernel with the most forms of instructions.
    """

    instructions_per_second: float
    start_seconds: float
    forms: int


def emulator_speed(chip_name: str, code_object: bytes) -> EmulatorSpeed:
    """Measure the emulator on the twins."""
    start = time.perf_counter()
    program = load(chip_name, code_object)
    forms = max(_forms(program, name) for name in program.names)
    widest = next(name for name in program.names if _forms(program, name) == forms)
    execute(program, widest)
    start_seconds = time.perf_counter() - start
    rates = []
    for _ in range(_ROUNDS):
        matrix = np.ones((_ROWS, _COLUMNS), np.float32)
        vector, product = np.ones(_COLUMNS, np.float32), np.zeros(_ROWS, np.float32)
        sizes = [np.uint64(_ROWS), np.uint64(_COLUMNS)]
        report = program["gemv_f32"].launch(_ROWS, 32, [matrix, vector, product, *sizes])
        rates.append(report.instructions / report.seconds)
    return EmulatorSpeed(statistics.median(rates[1:]), start_seconds, forms)


def _forms(program: Program, name: str) -> int:
    """Return how many different instructions a kernel has, registers aside."""
    image = program[name].loaded.image
    decoded = decode_code(image.code, program.device.chip.generation)
    return len({step.instruction.row.name for step in decoded.steps})
