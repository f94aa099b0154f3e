"""Kernels from Python: compile a source, open a card or an emulated one, launch on numpy arrays.

from mlrift.gpu import compile_kernels, open_device
with open_device("emulated:gfx1100") as device:
    program = device.load(compile_kernels("saxpy.mlr", device.gfx))
    program["saxpy"].launch(4, 256, [x, y, 1000, 2.0])
"""

from pathlib import Path

from mlrift.backends.amdgcn.chips import CHIPS, chip_named
from mlrift.backends.amdgcn.codeobject.model import CodeObject
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.compile import compile_kernel
from mlrift.backends.amdgcn.errors import KernelError as ChipError
from mlrift.driver.kernels import KernelError, kernels_in, kernels_of
from mlrift.driver.resources import standard_library_root
from mlrift.ir.passes.device_pipeline import prepare_kernels
from mlrift.runtime.kfd import Device, DeviceError, QueueKind

__all__ = ["ChipError", "KernelError", "compile_kernels", "library_kernels", "open_device"]

_EMULATED = "emulated"
_DEFAULT_GFX = "gfx1100"


def compile_kernels(source: "str | Path", gfx: str, only: tuple[str, ...] = ()) -> bytes:
    """Return the code object of the kernels of a file, or of a text of several lines, for a chip.

    `only` leaves the others out, such as those that need what the chip has not. Raises KernelError
    with the diagnostics, ChipError for a kernel that the chip cannot have, and DeviceError for a
    chip or a kernel that there is not.
    """
    chip = chip_named(gfx)
    if chip is None:
        known = ", ".join(row.name for row in CHIPS)
        raise DeviceError(f"{gfx} is not a chip that we compile for, only: {known}")
    kernels = kernels_in(prepare_kernels(kernels_of(source)))
    missing = set(only) - {row.name for row in kernels}
    if missing:
        raise DeviceError(f"{source} has no kernel {', '.join(sorted(missing))}")
    images = [compile_kernel(row, chip).image for row in kernels if not only or row.name in only]
    return write(CodeObject(chip, tuple(images)))


def library_kernels(name: str) -> Path:
    """Return the file of std/kernels with a name, such as "gemv"; raises FileNotFoundError."""
    found = standard_library_root() / "std" / "kernels" / f"{name}.mlr"
    if not found.exists():
        known = ", ".join(sorted(row.stem for row in found.parent.glob("*.mlr")))
        raise FileNotFoundError(f"std/kernels has no {name}.mlr, only: {known}")
    return found


def open_device(name: str = "", queue_kind: QueueKind = QueueKind.AQL) -> Device:
    """Open a card: "" or its number for a real one, "emulated" or "emulated:gfx1201" for another.

    Raises KfdError and DeviceError with what is missing.
    """
    kind, _, gfx = name.partition(":")
    if kind == _EMULATED:
        from mlrift.runtime.kfd.emulated.driver import (  # noqa: PLC0415 - brings LLVM
            EmulatedDriver,
        )
        from mlrift.runtime.kfd.emulated.emulator_executor import (  # noqa: PLC0415
            EmulatorExecutor,
        )

        driver = EmulatedDriver(EmulatorExecutor(), (gfx or _DEFAULT_GFX,))
        return Device.open(driver=driver, queue_kind=queue_kind)
    if not (name or "0").isdigit():
        raise DeviceError(f"'{name}' names no device: a number, or emulated[:GFX]")
    return Device.open(int(name or "0"), queue_kind=queue_kind)
