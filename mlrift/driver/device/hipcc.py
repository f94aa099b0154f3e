"""The vendor's compiler, where it is installed: `OUT.hip` in, `OUT.co` out."""

import shutil
import subprocess
import sys
from pathlib import Path

COMPILER = "hipcc"
_STATUS_FAILED = 1


def compile_hip(source: Path, chips: tuple[str, ...]) -> int:
    """Compile a source of HIP; return the exit status. Without the compiler, say so: status 0."""
    output = source.with_suffix(".co")
    command = [
        COMPILER,
        "--genco",
        *(f"--offload-arch={name}" for name in chips),
        "-O3",
        str(source),
        "-o",
        str(output),
    ]
    if shutil.which(COMPILER) is None:
        sys.stdout.write(f"note: {COMPILER} is not installed; to compile: {' '.join(command)}\n")
        return 0
    done = subprocess.run(command, check=False)
    if done.returncode != 0:
        sys.stderr.write(f"mlrc: error: {COMPILER} failed with status {done.returncode}\n")
        return _STATUS_FAILED
    sys.stdout.write(f"code object -> {output}\n")
    return 0
