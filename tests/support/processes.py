"""Run host commands for a test: in come a command and an invocation, out comes a RunResult.

Every child gets its own session, so that a timeout ends it with all its children.
"""

import functools
import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.results import SIGNAL_STATUS_BASE, Invocation, RunResult, RunTimeout
from tests.support.scratch import scratch_root

PROGRAM_NAME = "program"


@contextmanager
def program_file(image: bytes, suffix: str = "") -> Iterator[Path]:
    """Yield the path of a private executable file that holds `image`."""
    with tempfile.TemporaryDirectory(prefix="slice-", dir=scratch_root()) as folder:
        path = Path(folder) / (PROGRAM_NAME + suffix)
        path.write_bytes(image)
        path.chmod(0o700)
        yield path


@contextmanager
def program_descriptor(image: bytes) -> Iterator[int]:
    """Yield the descriptor of an anonymous memory file that holds `image`."""
    descriptor = os.memfd_create(PROGRAM_NAME, os.MFD_CLOEXEC)
    try:
        view = memoryview(image)
        while view:
            view = view[os.write(descriptor, view) :]
        yield descriptor
    finally:
        os.close(descriptor)


def run_command(
    command: Sequence[str],
    invocation: Invocation,
    *,
    executable: str | None = None,
    descriptors: Sequence[int] = (),
    extra_environment: Mapping[str, str] | None = None,
) -> RunResult:
    """Run `command` followed by the invocation's arguments and collect what it leaves."""
    _forbid_core_files()
    process = subprocess.Popen(
        [*command, *invocation.arguments],
        executable=executable,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=invocation.working_folder,
        env={**invocation.environment, **(extra_environment or {})},
        pass_fds=tuple(descriptors),
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(invocation.stdin, invocation.timeout_seconds)
    except subprocess.TimeoutExpired as expired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        raise RunTimeout(invocation.timeout_seconds, stdout, stderr) from expired
    return RunResult(stdout, stderr, exit_status(process.returncode))


def exit_status(return_code: int) -> int:
    """Turn Python's return code (negative for a signal) into a shell's status."""
    return return_code if return_code >= 0 else SIGNAL_STATUS_BASE - return_code


@functools.cache
def _forbid_core_files() -> None:
    """Let no crashing program leave a core file in a working folder."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
