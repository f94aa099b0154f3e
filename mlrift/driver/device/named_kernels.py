"""The kernels of the library by name, for `--emit-amdgpu-NAME=PATH` (gpu.md 1.8 and 2).

A word of the command line in, the file, the kernel and the output out. The names are those of the
kernels in `std/kernels`; the table has the spellings of MLRift 1.1 that differ.
"""

import re
from pathlib import Path

from mlrift.diagnostics.suggest import edit_distance
from mlrift.driver.resources import standard_library_root
from mlrift.values import value

PREFIX = "--emit-amdgpu-"
_KERNEL = re.compile(r"^@kernel\s+fn\s+(\w+)", re.MULTILINE)
_NEARBY = 3

# Spelling -> kernel. The width of rows, and what a group's size decides, are arguments of ours.
OTHER_SPELLINGS = {
    "relu_f32": "relu",
    "rmsnorm": "rmsnorm_f32",
    "softmax": "softmax_f32",
    "softmax_causal": "softmax_causal_f32",
    "layernorm": "layernorm_f32",
    "gemv_coop": "gemv_coop_f32",
    "gemm": "gemm_f32",
    "rope": "rope_f32",
    "kfd_copy_u64": "_kfd_copy_u64",
}
_SIZES = ("_n", "_d")


class BadName(Exception):
    """A word that names no kernel of the library; the message says which there are."""


@value
class NamedKernel:
    """A kernel of the library and where its code object goes."""

    kernel: str
    source: Path
    output: Path


def find_named_kernel(word: str) -> NamedKernel:
    """Return what `--emit-amdgpu-NAME[-N|-D]=[NUM:]PATH` means; raises BadName."""
    option, equals, rest = word.partition("=")
    name = option.removeprefix(PREFIX).replace("-", "_").lower()
    if not equals or not rest:
        raise BadName(f"'{word}': write {option}=PATH")
    known = library_kernels()
    found = _find(name, known)
    if found is not None:
        return NamedKernel(found, known[found], Path(rest))
    if name.endswith(_SIZES):
        found = _find(name[:-2], known)
        number, colon, path = rest.partition(":")
        if found is not None:
            if not colon or not path or not number.isdecimal() or int(number) == 0:
                raise BadName(f"'{word}': write {option}=NUMBER:PATH")
            return NamedKernel(found, known[found], Path(path))
    raise BadName(_describe_unknown(option, name, [*known, *OTHER_SPELLINGS]))


def library_kernels() -> dict[str, Path]:
    """Return the file of every kernel of the library."""
    found: dict[str, Path] = {}
    for path in sorted((standard_library_root() / "std" / "kernels").glob("*.mlr")):
        for name in _KERNEL.findall(path.read_text(encoding="utf-8")):
            found.setdefault(name, path)
    return found


def _find(name: str, known: dict[str, Path]) -> str | None:
    name = OTHER_SPELLINGS.get(name, name)
    by_lower = {row.lower(): row for row in known}
    return by_lower.get(name)


def _describe_unknown(option: str, name: str, known: list[str]) -> str:
    near = sorted(known, key=lambda row: (edit_distance(row.lower(), name), row))[:_NEARBY]
    shown = ", ".join(PREFIX + row.strip("_").replace("_", "-") for row in near)
    return f"unknown kernel '{option}'; nearest: {shown}"
