"""The kernels of a file as a library of this machine, called with numpy arrays.

The library has a function for each kernel that takes the address of a launch's words: six sizes,
then an argument each, f32 as their bits.
"""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np

from mlrift.driver.kernels import kernels_in, kernels_of
from mlrift.ir.core import BlockParameter, Module
from mlrift.selftest.case import Array, KernelCase
from mlrift.typesystem import F32, F64
from tests.harness.compiler import run_mlrc
from tests.harness.run_files import IS_THOROUGH

_READERS = {F32: "load32", F64: "load64"}


def build_launcher(source: Path, wanted: set[str], folder: Path) -> ctypes.CDLL:
    """Compile the library of some kernels of a file, optimised in `make test-all` only."""
    text = [f'import "{source}"']
    for kernel in kernels_in(module_of(source)):
        if kernel.name not in wanted:
            continue
        name = kernel.name.lstrip("_")
        words = [f"load64(w + {8 * place})" for place in range(6)]
        text.append(f"@export fn run_{name}(u64 w) {{")
        for place, parameter in enumerate(kernel.parameters):
            kind = {F32: "f32", F64: "f64"}.get(parameter.type, "u64")  # type: ignore[arg-type]
            reader = _READERS.get(parameter.type, "load64")  # type: ignore[arg-type]
            text.append(f"    {kind} a{place} = {reader}(w + {48 + 8 * place})")
            words.append(f"a{place}")
        text.append(f"    launch_grid({kernel.name}, {', '.join(words)})\n}}")
    program, library = folder / "launcher.mlr", folder / f"lib{source.stem}.so"
    program.write_text("\n".join(text) + "\n", encoding="utf-8")
    flags = ["--emit=lib"] if IS_THOROUGH else ["--emit=lib", "-O0"]
    status, _, messages = run_mlrc([*flags, str(program), "-o", str(library)])
    assert status == 0, messages
    return ctypes.CDLL(str(library))


def launch(library: ctypes.CDLL, case: KernelCase) -> None:
    """Run a case."""
    sizes = [*case.grid, 1, 1][:3] + [*case.group, 1, 1][:3]
    words = np.array([*sizes, *map(_word, case.arguments)], np.uint64)
    types = [row.type for row in _parameters(case)]
    for place, (value, kind) in enumerate(zip(case.arguments, types, strict=True)):
        if kind is F32:
            words[6 + place] = np.array([value], np.float32).view(np.uint32)[0]
        elif kind is F64:
            words[6 + place] = np.array([value], np.float64).view(np.uint64)[0]
    run = getattr(library, f"run_{case.kernel.lstrip('_')}")
    run.argtypes, run.restype = [ctypes.c_uint64], None
    run(words.ctypes.data)


def place(array: Array, _name: str) -> int:
    """Return the address of an array of this process."""
    return int(array.ctypes.data)


@cache
def module_of(source: Path) -> Module:
    """Return the kernels of a file; nobody changes them."""
    return kernels_of(source)


def _parameters(case: KernelCase) -> list[BlockParameter]:
    return module_of(case.path).functions[case.kernel].parameters


def _word(value: object) -> int:
    if isinstance(value, np.ndarray):
        return int(value.ctypes.data)
    return int(value) & 0xFFFFFFFFFFFFFFFF if isinstance(value, int) else 0
