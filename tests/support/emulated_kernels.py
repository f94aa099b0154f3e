"""Kernels of tests/emulator/kernels compiled by clang, loaded on an emulated device."""

import functools
import tempfile
from pathlib import Path

from mlrift.backends.amdgcn.chips import Generation, chip_named
from mlrift.emulator import Device, Program
from tests.support.llvm_tools import run_llvm_tool

CHIPS = ("gfx1030", "gfx1100", "gfx1201")
GROUP = 64
_FOLDER = Path(__file__).resolve().parents[1] / "emulator" / "kernels"


_OPTIONS = {
    Generation.GFX10: ("-mllvm", "-amdgpu-sdwa-peephole=0"),
    Generation.GFX11: (),
    Generation.GFX12: (),
}
"""Our tables have no SDWA."""


@functools.cache
def compiled(source: str, chip_name: str) -> bytes:
    """Return the code object of a file of kernels."""
    chip = chip_named(chip_name)
    assert chip is not None
    with tempfile.TemporaryDirectory(prefix="clang-") as folder:
        output = Path(folder) / "kernels.co"
        run_llvm_tool(
            "clang",
            *("-target", "amdgcn-amd-amdhsa", "-nogpulib", "-O2", "-g", "-w"),
            *(f"-mcpu={chip.name}", f"-D{chip.generation.name}"),
            *_OPTIONS[chip.generation],
            *(str(_FOLDER / f"{source}.c"), "-o", str(output)),
        )
        return output.read_bytes()


@functools.cache
def program(source: str, chip_name: str) -> Program:
    """Return a file of kernels, loaded."""
    return Device(chip_name).load(compiled(source, chip_name))
