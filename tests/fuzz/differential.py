"""Generated programs on every engine, compared; failures are shrunk and kept.

    python -m tests.fuzz.differential --seconds 60 --seed 1

A worker process examines the programs, so that an abort of LLVM or a hang ends the worker and is a
finding, not the end of the run. Program N of a run with seed S is `generate(S + N)`.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fuzz.engines import Finding, Kind, Outcome, Reach, examine, reference
from tests.fuzz.generate import generate
from tests.fuzz.shrink import shrink

REGRESSIONS = Path(__file__).parent / "regressions"
PROGRAM_SECONDS = 120.0
EVERYWHERE_EVERY = 5
MOST_FAILURES = 10

Teller = Callable[[int, Finding], None]


@dataclass(slots=True)
class Report:
    """What a run did; a failure is a seed, its program and what was found."""

    programs: int = 0
    failures: list[tuple[int, str, Finding]] = field(default_factory=list)


def _examine_what_comes(channel: Connection) -> None:
    while True:
        text, reach = channel.recv()
        channel.send(examine(text, reach))


class Examiner:
    """Examines programs in a process that is replaced when it dies."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._channel, other = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_examine_what_comes, args=(other,), daemon=True
        )
        self._process.start()

    def examine(self, text: str, reach: Reach) -> Finding | None:
        """Return what is wrong with a program."""
        try:
            self._channel.send((text, reach))
            if self._channel.poll(PROGRAM_SECONDS):
                answer: Finding | None = self._channel.recv()
                return answer
            reason = "no answer"
        except (EOFError, BrokenPipeError, ConnectionResetError):
            reason = "died"
        self._process.join(1)
        reason += f" (exit code {self._process.exitcode})"
        self.close()
        self._start()
        return Finding(Kind.DIED, "", reason)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def run(
    seed: int, seconds: float, count: int, tell: Teller = lambda _number, _found: None
) -> Report:
    """Examine programs until the time, the count or the patience is used up; tell of failures."""
    report = Report()
    examiner = Examiner()
    deadline = time.monotonic() + seconds
    try:
        while (
            report.programs < count
            and time.monotonic() < deadline
            and len(report.failures) < MOST_FAILURES
        ):
            number = seed + report.programs
            report.programs += 1
            text = generate(number)
            reach = Reach.EVERYWHERE if number % EVERYWHERE_EVERY == 0 else Reach.NATIVE
            finding = examiner.examine(text, reach)
            if finding is not None:
                report.failures.append((number, text, finding))
                tell(number, finding)
    finally:
        examiner.close()
    return report


def shrunk(text: str, finding: Finding, seconds: float) -> str:
    """Return a smaller program that fails in the same way."""
    examiner = Examiner()
    reach = Reach.EVERYWHERE if "arm64" in finding.label else Reach.NATIVE

    def still_fails(candidate: str) -> bool:
        found = examiner.examine(candidate, reach)
        return found is not None and found.signature == finding.signature

    try:
        return shrink(text, still_fails, seconds)
    finally:
        examiner.close()


def with_directives(text: str, outcome: Outcome) -> str:
    """Return a program with what it should do as directives of a test."""
    lines = [f"// exit: {outcome.status}"] if outcome.status else []
    printed = outcome.stdout.decode("latin-1").split("\n")
    lines += [f"// expect: {line}" for line in printed[:-1]]
    if printed[-1]:
        lines.append(f"// expect-end: {printed[-1]}")
    return "\n".join([*lines, text])


def keep(seed: int, text: str, finding: Finding) -> Path:
    """Write a failing program into the folder of regressions."""
    REGRESSIONS.mkdir(exist_ok=True)
    path = REGRESSIONS / f"seed_{seed}.mlr"
    if finding.kind is Kind.OUTPUT:
        text = with_directives(text, reference(text))
    path.write_text(text, encoding="utf-8")
    return path


def _tell(seed: int, finding: Finding) -> None:
    print(f"--- seed {seed}: {finding}", flush=True)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--shrink-seconds", type=float, default=120)
    parser.add_argument("--keep", action="store_true", help="write failures into regressions/")
    options = parser.parse_args()
    started = time.monotonic()
    report = run(options.seed, options.seconds, options.count, _tell)
    speed = report.programs / (time.monotonic() - started)
    seen: set[tuple[Kind, str]] = set()
    for seed, text, finding in report.failures:
        if finding.signature in seen:
            continue
        seen.add(finding.signature)
        small = shrunk(text, finding, options.shrink_seconds)
        print(f"--- seed {seed} in short:\n{small}", flush=True)
        if options.keep:
            print(f"kept as {keep(seed, small, finding)}")
    print(f"{report.programs} programs ({speed:.1f}/s), {len(report.failures)} failures")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
