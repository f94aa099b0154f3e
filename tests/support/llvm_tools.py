"""LLVM's own tools as oracles for GPU code: found by name, checked for their version.

A test that needs one is skipped where it is absent (under CI it fails).
"""

import functools
import re
import shutil
import subprocess
from pathlib import Path

import pytest

OLDEST_VERSION = 22
_FOLDER = Path("/usr/lib/llvm-22/bin")
_PACKAGES = {"clang": "clang-22", "ld.lld": "lld-22"}


@functools.cache
def find_llvm_tool(name: str) -> str | None:
    """Return the path of a tool of a version that knows our chips, or None."""
    candidates = (str(_FOLDER / name), shutil.which(f"{name}-{OLDEST_VERSION}"), shutil.which(name))
    for path in candidates:
        if path is not None and Path(path).exists() and _version(path) >= OLDEST_VERSION:
            return path
    return None


def llvm_tool(name: str) -> str:
    """Return the path of a tool; skips the test when there is none."""
    found = find_llvm_tool(name)
    if found is None:
        package = _PACKAGES.get(name, "llvm-22")
        pytest.skip(f"needs {name} {OLDEST_VERSION} or later (Debian package {package})")
    return found


def run_llvm_tool(name: str, *arguments: str, stdin: bytes = b"") -> str:
    """Run a tool, which must neither fail nor complain, and return its standard output."""
    done = subprocess.run(
        [llvm_tool(name), *arguments], input=stdin, capture_output=True, check=False, timeout=120
    )
    messages = done.stderr.decode(errors="replace")
    assert done.returncode == 0 and not messages, f"{name} {arguments}: {messages}"
    return done.stdout.decode(errors="replace")


def _version(path: str) -> int:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(?:version|LLD) (\d+)\.", done.stdout)
    return int(found.group(1)) if found else 0
