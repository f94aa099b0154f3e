"""Kernels compiled by clang: files of tests/check/corpus in, code objects out."""

import functools
import tempfile
from pathlib import Path

from mlrift.backends.amdgcn.chips import Chip, Generation
from tests.support.llvm_tools import run_llvm_tool

CORPUS = Path(__file__).resolve().parents[1] / "check" / "corpus"
SOURCES = tuple(sorted(path.stem for path in CORPUS.glob("*.cl")))

_FEATURES = {
    Generation.GFX10: ("-Xclang", "-target-feature", "-Xclang", "+enable-flat-scratch"),
    Generation.GFX11: (),
    Generation.GFX12: (),
}
"""We have no buffer instructions, which clang uses for private memory on gfx10 by itself."""


@functools.cache
def clang_object(source: str, chip: Chip, level: int) -> bytes:
    """Return a file of the corpus compiled for a chip at an optimisation level, 0 to 3."""
    with tempfile.TemporaryDirectory(prefix="clang-") as folder:
        output = Path(folder) / "kernels.co"
        run_llvm_tool(
            "clang",
            *("-x", "cl", "-cl-std=CL2.0", "-target", "amdgcn-amd-amdhsa", "-nogpulib", "-w"),
            *(f"-mcpu={chip.name}", f"-D{chip.generation.name}", f"-DLEVEL={level}", f"-O{level}"),
            *_FEATURES[chip.generation],
            *(str(CORPUS / f"{source}.cl"), "-o", str(output)),
        )
        return output.read_bytes()
