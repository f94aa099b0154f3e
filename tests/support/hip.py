"""C++ for HIP compiled by clang alone, without the vendor's headers and libraries."""

import subprocess
import tempfile
from pathlib import Path

from tests.support.llvm_tools import llvm_tool

HEADERS = Path(__file__).with_name("hip_headers")
# gfx10 reaches private memory by buffer instructions otherwise, which the emulator has not.
_FLAT_SCRATCH = ("-Xclang", "-target-feature", "-Xclang", "+enable-flat-scratch")
_WARNINGS = (
    "-Wall",
    "-Werror",
    "-Wno-parentheses-equality",
    "-Wno-unused-variable",
    "-Wno-unused-but-set-variable",
)


def compile_hip(source: str, chip_name: str) -> bytes:
    """Return the code object; raises CalledProcessError, skips the test without clang."""
    llvm_tool("ld.lld")
    with tempfile.TemporaryDirectory() as folder:
        path, made = Path(folder, "kernels.hip"), Path(folder, "kernels.co")
        path.write_text(source)
        words = ("--cuda-device-only", "--no-gpu-bundle-output", "-nogpuinc", "-nogpulib")
        target = (f"--offload-arch={chip_name}", f"-I{HEADERS}", "-O3", *_FLAT_SCRATCH, *_WARNINGS)
        command = [llvm_tool("clang"), "-x", "hip", *words, *target, str(path), "-o", str(made)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return made.read_bytes()
