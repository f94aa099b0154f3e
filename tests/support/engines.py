"""Every way in which the tests can execute a slice, behind one small interface.

An engine takes an executable's bytes and gives a `RunResult`; it raises `ImageRefused` when a
loader would refuse the file and `RuleBroken` when the running code breaks a rule of its system.
`default_engine` is the quick functional run of a target, `engines_for` adds the strict ones.
"""

# ruff: noqa: PLR0917 - the interface tests call

import importlib.util
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mlrift.targets import (
    ANDROID_ARM64,
    ANDROID_X86_64,
    LINUX_ARM64,
    LINUX_X86_64,
    MACOS_ARM64,
    MACOS_X86_64,
    WINDOWS_ARM64,
    WINDOWS_X86_64,
    X86_64,
    Cpu,
    Target,
    find_cpu,
)
from tests.support.android import (
    run_android_in_qemu,
    run_android_natively,
    run_android_traced,
    run_android_under_seccomp,
)
from tests.support.processes import program_file, run_command
from tests.support.qemu import missing_qemu, run_in_qemu
from tests.support.results import (
    DEFAULT_ENVIRONMENT,
    ImageRefused,
    Invocation,
    RuleBroken,
    RunResult,
    RunTimeout,
)
from tests.support.scratch import scratch_root
from tests.support.wine import missing_wine, run_in_wine

__all__ = [
    "ENGINES",
    "Engine",
    "ImageRefused",
    "RuleBroken",
    "RunResult",
    "RunTimeout",
    "default_engine",
    "engine_named",
    "engines_for",
]

DEFAULT_TIMEOUT_SECONDS = 20.0


class Engine(Protocol):
    """One way to execute the slices of one target."""

    @property
    def name(self) -> str:
        """The target's name and, after a colon, the way."""

    @property
    def target(self) -> Target:
        """The target whose slices this engine executes."""

    def missing(self) -> str | None:
        """Say what is not installed; None means ready."""

    def run(
        self,
        image: bytes,
        arguments: Sequence[str] = (),
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        working_folder: Path | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> RunResult:
        """Execute `image`; without a working folder in a fresh one that is then removed."""


@dataclass(frozen=True, slots=True)
class ProgramEngine:
    """An engine made of two functions: one that runs, one that says what is missing."""

    name: str
    target: Target
    execute: Callable[[bytes, Target, Invocation], RunResult]
    find_missing: Callable[[], str | None]

    def missing(self) -> str | None:
        """Say what is not installed; None means ready."""
        return self.find_missing()

    def run(
        self,
        image: bytes,
        arguments: Sequence[str] = (),
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        working_folder: Path | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> RunResult:
        """Execute `image`; without a working folder in a fresh one that is then removed."""
        pairs = dict(DEFAULT_ENVIRONMENT if environment is None else environment)
        if working_folder is not None:
            folder = working_folder.resolve()
            invocation = Invocation(tuple(arguments), stdin, pairs, folder, timeout_seconds)
            return self.execute(image, self.target, invocation)
        with tempfile.TemporaryDirectory(prefix="run-", dir=scratch_root()) as name:
            invocation = Invocation(tuple(arguments), stdin, pairs, Path(name), timeout_seconds)
            return self.execute(image, self.target, invocation)


def engines_for(target: Target) -> tuple[Engine, ...]:
    """Return every engine of `target`, the default one first."""
    return tuple(engine for engine in ENGINES if engine.target is target)


def default_engine(target: Target) -> Engine:
    """Return the quickest engine of `target`, whether installed or not."""
    return engines_for(target)[0]


def engine_named(name: str) -> Engine:
    """Return the engine with this name."""
    return next(engine for engine in ENGINES if engine.name == name)


def _missing_linux(cpu: Cpu) -> str | None:
    if sys.platform != "linux":
        return "a Linux host"
    return None if find_cpu(platform.machine()) is cpu else f"a host with a {cpu.name} CPU"


def _missing_seccomp() -> str | None:
    missing = _missing_linux(X86_64)
    if missing is None and not Path("/proc/sys/kernel/seccomp").exists():
        missing = "a kernel with seccomp filters"
    return missing


def _missing_unicorn() -> str | None:
    return None if importlib.util.find_spec("unicorn") else "the Python package unicorn"


def _run_natively(image: bytes, target: Target, invocation: Invocation) -> RunResult:
    with program_file(image) as path:
        return run_command([str(path)], invocation)


def _run_linux_in_qemu(image: bytes, target: Target, invocation: Invocation) -> RunResult:
    return run_in_qemu(image, target.cpu, invocation)


def _run_strict_pe(image: bytes, target: Target, invocation: Invocation) -> RunResult:
    from tests.support.run_pe import run_pe  # noqa: PLC0415 - unicorn is slow to import

    return run_pe(image, target, invocation)


def _run_strict_macho(image: bytes, target: Target, invocation: Invocation) -> RunResult:
    from tests.support.run_macho import run_macho  # noqa: PLC0415 - unicorn is slow to import

    return run_macho(image, target, invocation)


def _android(
    name: str,
    target: Target,
    execute: Callable[[bytes, Cpu, Invocation], RunResult],
    find_missing: Callable[[], str | None],
) -> ProgramEngine:
    return ProgramEngine(
        name,
        target,
        lambda image, row, invocation: execute(image, row.cpu, invocation),
        find_missing,
    )


def _qemu_for(target: Target) -> Callable[[], str | None]:
    return lambda: missing_qemu(target.cpu)


ENGINES: tuple[Engine, ...] = (
    ProgramEngine("linux-x64", LINUX_X86_64, _run_natively, lambda: _missing_linux(X86_64)),
    ProgramEngine("linux-arm64:qemu", LINUX_ARM64, _run_linux_in_qemu, _qemu_for(LINUX_ARM64)),
    _android(
        "android-x64:native", ANDROID_X86_64, run_android_natively, lambda: _missing_linux(X86_64)
    ),
    _android("android-x64:loader", ANDROID_X86_64, run_android_in_qemu, _qemu_for(ANDROID_X86_64)),
    _android("android-x64:seccomp", ANDROID_X86_64, run_android_under_seccomp, _missing_seccomp),
    _android("android-arm64:qemu", ANDROID_ARM64, run_android_in_qemu, _qemu_for(ANDROID_ARM64)),
    _android("android-arm64:strace", ANDROID_ARM64, run_android_traced, _qemu_for(ANDROID_ARM64)),
    ProgramEngine(
        "win-x64:wine",
        WINDOWS_X86_64,
        lambda image, target, invocation: run_in_wine(image, invocation),
        missing_wine,
    ),
    ProgramEngine("win-x64:strict", WINDOWS_X86_64, _run_strict_pe, _missing_unicorn),
    ProgramEngine("win-arm64:strict", WINDOWS_ARM64, _run_strict_pe, _missing_unicorn),
    ProgramEngine("mac-x64:strict", MACOS_X86_64, _run_strict_macho, _missing_unicorn),
    ProgramEngine("mac-arm64:strict", MACOS_ARM64, _run_strict_macho, _missing_unicorn),
)
