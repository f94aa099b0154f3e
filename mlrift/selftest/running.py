"""One case after the other on a card: compile, place the arrays, launch, compare.

Cases enter, results leave; what fails is a result with its reason, and the rest still runs unless
the card is lost.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mlrift.backends.amdgcn.chips import Chip
from mlrift.backends.amdgcn.codeobject.model import CodeObject
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.compile import compile_kernel
from mlrift.backends.amdgcn.errors import KernelError
from mlrift.driver.kernels import kernels_in, kernels_of
from mlrift.ir.passes.device_pipeline import prepare_kernels
from mlrift.runtime.kfd import Device, DeviceArray, DeviceError, KfdError
from mlrift.runtime.kfd.program import Program
from mlrift.selftest.case import Array, KernelCase
from mlrift.values import record, value


@value
class CaseResult:
    """How a case went; `problem` is "" when it is right. Times are of the launch and its wait.

    `missing` says why the chip cannot have the kernel, such as one with matrix instructions.
    """

    name: str
    problem: str
    seconds: float
    missing: str = ""


@record
class Loaded:
    """Programs of one device by their source files."""

    device: Device
    programs: dict[Path, Program]
    missing: dict[tuple[Path, str], str]


def run_cases(device: Device, cases: Iterable[KernelCase]) -> Iterator[CaseResult]:
    """Run cases on a device; ends early when the device is lost."""
    loaded = Loaded(device, {}, {})
    for case in cases:
        begun = time.perf_counter()
        program = _program(loaded, case.path, device.chip)
        missing = loaded.missing.get((case.path, case.kernel), "")
        problem = "" if missing else _problem_of(device, program, case)
        yield CaseResult(case.name, problem, time.perf_counter() - begun, missing)
        if device.is_lost:
            return


def _problem_of(device: Device, program: Program, case: KernelCase) -> str:
    try:
        _run(device, program, case)
    except (AssertionError, DeviceError, KfdError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _run(device: Device, program: Program, case: KernelCase) -> None:
    placed: list[tuple[Array, DeviceArray]] = []

    def place(array: Array) -> DeviceArray:
        for known, made in placed:
            if known is array:
                return made
        placed.append((array, device.array(array)))
        return placed[-1][1]

    try:
        case.link(lambda array, _name: place(array).address)
        given: list[Any] = [
            place(row) if isinstance(row, np.ndarray) else row for row in case.arguments
        ]
        program[case.kernel].launch(case.grid, case.group, given)
        device.synchronize()
        for array, made in placed:
            array[...] = made.numpy()
    finally:
        if not device.is_lost:
            for _, made in placed:
                made.free()
    case.check()


def _program(loaded: Loaded, path: Path, chip: Chip) -> Program:
    found = loaded.programs.get(path)
    if found is None:
        images = []
        for kernel in kernels_in(prepare_kernels(kernels_of(path))):
            try:
                images.append(compile_kernel(kernel, chip).image)
            except KernelError as error:
                loaded.missing[path, kernel.name] = str(error)
        code = write(CodeObject(chip, tuple(images)))
        found = loaded.programs[path] = loaded.device.load(code)
    return found
