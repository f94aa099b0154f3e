"""Running commands for measurement: command lines in, times, peak memory and output back.

Commands that are compared run alternately in one loop, so that a change in the machine's load
meets all of them. Every figure that is reported is a median.
"""

import os
import shlex
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_SHOWN_OUTPUT_BYTES = 2000


class MeasurementError(Exception):
    """A command that was to be measured failed, or did something else than its peer."""


@dataclass(frozen=True, slots=True)
class Command:
    """A process to run; `environment` is added to the runner's own."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a command that ended with status 0."""

    seconds: float
    processor_seconds: float
    peak_memory_bytes: int
    stdout: bytes


def run_once(command: Command) -> Sample:
    """Run a command to its end; raise MeasurementError unless its status is 0."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        actions = [
            (os.POSIX_SPAWN_DUP2, stdout.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, stderr.fileno(), 2),
        ]
        environment = {**os.environ, **command.environment}
        start = time.perf_counter()
        process = os.posix_spawnp(
            command.arguments[0], command.arguments, environment, file_actions=actions
        )
        _, status, usage = os.wait4(process, 0)
        seconds = time.perf_counter() - start
        stdout.seek(0)
        stderr.seek(0)
        output = stdout.read()
        if status != 0:
            shown = (stderr.read() + output)[-_SHOWN_OUTPUT_BYTES:].decode(errors="replace")
            code = os.waitstatus_to_exitcode(status)
            raise MeasurementError(f"status {code} from `{shlex.join(command.arguments)}`\n{shown}")
    processor_seconds = usage.ru_utime + usage.ru_stime
    return Sample(seconds, processor_seconds, usage.ru_maxrss * 1024, output)


def alternate(commands: Sequence[Callable[[], Command]], runs: int) -> list[list[Sample]]:
    """Run all commands in turn, `runs` times; each is made anew before each of its runs."""
    samples: list[list[Sample]] = [[] for _ in commands]
    for _ in range(runs):
        for make, row in zip(commands, samples, strict=True):
            row.append(run_once(make()))
    return samples


def median_seconds(samples: Sequence[Sample]) -> float:
    """Return the median of the times that passed."""
    return statistics.median(sample.seconds for sample in samples)


def median_processor_seconds(samples: Sequence[Sample]) -> float:
    """Return the median of the processor times, which other processes disturb least."""
    return statistics.median(sample.processor_seconds for sample in samples)


def always(command: Command) -> Callable[[], Command]:
    """Return a maker that gives the same command each time."""
    return lambda: command


def fresh_folder(parent: Path) -> Path:
    """Return a new empty folder inside `parent`."""
    return Path(tempfile.mkdtemp(dir=parent))
