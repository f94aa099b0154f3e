"""Builds the OS layers and support objects once, so that no user's first compilation has to.

    python -m mlrift.driver.prebuild              for a checkout
    python -m mlrift.driver.prebuild --base       what every program needs (`make run` does it)
    python -m mlrift.driver.prebuild --library    the rest (`make test` and `make setup` do it)
    python -m mlrift.driver.prebuild --installed  for a package that will not change any more

They go to `mlrift/prebuilt/` with the fingerprint of the compiler that made them; a compiler with
another fingerprint ignores them. Files of the library that large programs import are among them
(`library_parts.py`); what of those is as it was before is not compiled again in a checkout.
"""

import sys
from pathlib import Path

from mlrift.backends.platforms import OsLayerKind, platform_for
from mlrift.driver.build import on_deep_stack
from mlrift.driver.cache import Cache
from mlrift.driver.fingerprint import INSTALLED_MARK, PREBUILT_FOLDER, compiler_fingerprint
from mlrift.driver.heap_owner import HEAP_OWNER_FILES
from mlrift.driver.kernel_objects import PARTS
from mlrift.driver.library_parts import compile_files, imported_files, part_file, written
from mlrift.driver.os_objects import (
    RUNTIME_PARTS,
    STAMP,
    os_layer_data,
    os_layer_file,
    ready_data,
    ready_name,
    support_data,
)
from mlrift.driver.results import Stored
from mlrift.targets import CPUS, TARGETS

_KNOWN_FOLDER = "known"
# What large programs import: all that these files lead to.
LIBRARY = ("std/llm/*.mlr", "std/record.mlr", "std/progress.mlr")


def prebuild(folder: Path, fingerprint: str) -> None:
    """Write the objects that every program needs, and the stamp, into `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / STAMP).unlink(missing_ok=True)
    nothing = Cache(None)
    for target in TARGETS:
        platform = platform_for(target.system)
        linked = dict.fromkeys(
            platform.layer_kind(row) for row in (OsLayerKind.ALONE, OsLayerKind.WITH_C)
        )
        for kind in (OsLayerKind.BASE, *linked):
            data = os_layer_data(target, kind, nothing, fingerprint)
            (folder / os_layer_file(target, kind)).write_bytes(data)
    for cpu in CPUS:
        (folder / f"support-{cpu.name}.o").write_bytes(support_data(cpu, nothing, fingerprint))
        for part in (*HEAP_OWNER_FILES, *PARTS, *RUNTIME_PARTS):
            data = ready_data(cpu, part, nothing, fingerprint)
            (folder / f"{ready_name(cpu, part)}.o").write_bytes(data)
    for old in folder.glob("*.part"):
        old.unlink()
    (folder / STAMP).write_text(fingerprint, encoding="ascii")


def prebuild_library(folder: Path, fingerprint: str, known: Cache) -> None:
    """Write the files of the library that large programs import into `folder`."""
    for old in folder.glob("*.part"):
        old.unlink()
    files = imported_files(LIBRARY)
    for file, part in compile_files(files, CPUS, known, fingerprint).items():
        for cpu in CPUS:
            (folder / part_file(file, cpu)).write_bytes(written(part, cpu))


def main() -> None:
    """Run from the command line."""
    fingerprint = compiler_fingerprint()
    is_installed = "--installed" in sys.argv[1:]
    known = Cache(None if is_installed else PREBUILT_FOLDER / _KNOWN_FOLDER)

    def work() -> Stored:
        if "--library" not in sys.argv[1:]:
            prebuild(PREBUILT_FOLDER, fingerprint)
        if "--base" not in sys.argv[1:]:
            prebuild_library(PREBUILT_FOLDER, fingerprint, known)
        return Stored(0, b"", "", "")

    on_deep_stack(work)
    if is_installed:
        (PREBUILT_FOLDER / INSTALLED_MARK).write_text(fingerprint, encoding="ascii")


if __name__ == "__main__":
    main()
