"""Generated programs on every engine, compared; failures are shrunk and kept.

    python -m tests.fuzz.differential --seconds 60 --seed 1
    python -m tests.fuzz.differential --seconds 7200 --count 5000 --jobs 2 --record

A worker process examines the programs, so that an abort of LLVM or a hang ends the worker and is a
finding, not the end of the run. Program N of a run with seed S is `generate(S + N)`.
"""

import argparse
import datetime
import multiprocessing
import shlex
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fuzz.batch import join, may_join
from tests.fuzz.engines import Finding, Kind, Outcome, Reach, examine, reference
from tests.fuzz.generate import generate
from tests.fuzz.shrink import shrink

REGRESSIONS = Path(__file__).parent / "regressions"
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
PROGRAM_SECONDS = 900.0
EVERYWHERE_EVERY = 20
BATCH_PROGRAMS = 12
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
    work = _Work(report, tell)
    deadline = time.monotonic() + seconds
    try:
        for number in range(seed, seed + count):
            if time.monotonic() > deadline or len(report.failures) >= MOST_FAILURES:
                break
            report.programs += 1
            work.add(number, generate(number))
        work.finish_batch()
    finally:
        work.close()
    return report


class _Work:
    """Examines programs alone or in batches; of a batch that fails, each one alone."""

    def __init__(self, report: Report, tell: Teller) -> None:
        self._report = report
        self._tell = tell
        self._examiner = Examiner()
        self._batch: list[tuple[int, str]] = []

    def add(self, number: int, text: str) -> None:
        """Examine a program now or with those that follow."""
        if number % EVERYWHERE_EVERY == 0:
            self._examine(number, text, Reach.EVERYWHERE)
        elif not may_join(text):
            self._examine(number, text, Reach.NATIVE)
        else:
            self._batch.append((number, text))
            if len(self._batch) == BATCH_PROGRAMS:
                self.finish_batch()

    def finish_batch(self) -> None:
        """Examine what waits."""
        batch, self._batch = self._batch, []
        if not batch:
            return
        whole = join([text for _, text in batch])
        finding = self._examiner.examine(whole, Reach.BATCH)
        if finding is None:
            return
        found = [self._examine(number, text, Reach.NATIVE) for number, text in batch]
        if not any(found):
            self._note(batch[0][0], whole, finding)

    def close(self) -> None:
        """End the process that examines."""
        self._examiner.close()

    def _examine(self, number: int, text: str, reach: Reach) -> bool:
        finding = self._examiner.examine(text, reach)
        if finding is None:
            return False
        self._note(number, text, finding)
        return True

    def _note(self, number: int, text: str, finding: Finding) -> None:
        self._report.failures.append((number, text, finding))
        self._tell(number, finding)


def run_in_parts(seed: int, seconds: float, count: int, jobs: int, tell: Teller) -> Report:
    """Do the same with several worker processes, each of which has its own range of numbers."""
    share = -(-count // jobs)
    parts = [(seed + start, min(share, count - start)) for start in range(0, max(count, 1), share)]
    with ThreadPoolExecutor(jobs) as pool:
        reports = list(pool.map(lambda part: run(part[0], seconds, part[1], tell), parts))
    failures = [row for report in reports for row in report.failures]
    return Report(sum(report.programs for report in reports), failures)


def record(seed: int, count: int) -> Path:
    """Note in benchmarks/results that so many programs ran without a difference."""
    today = datetime.date.today().isoformat()
    command = shlex.join(["python", "-m", "tests.fuzz.differential", *sys.argv[1:]])
    text = (
        f"# Generated programs, {today}\n\n`{command}`\n\n"
        f"{count:,} programs, seeds {seed} to {seed + count - 1}: no difference.\n\n"
        + "".join(f"- {row.name.lower()}: {row.value}\n" for row in Reach)
        + f"\nAlone, every {EVERYWHERE_EVERY}th program runs everywhere; {BATCH_PROGRAMS} of the "
        "others make a batch.\n"
    )
    path = RESULTS / f"{today}-generated-programs.md"
    path.write_text(text, encoding="utf-8")
    return path


def shrunk(text: str, finding: Finding, seconds: float) -> str:
    """Return a smaller program that fails in the same way."""
    examiner = Examiner()
    reach = Reach.EVERYWHERE
    if examiner.examine(text, Reach.NATIVE) is not None:
        reach = Reach.NATIVE

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
    parser.add_argument("--jobs", type=int, default=1, help="worker processes")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results")
    options = parser.parse_args()
    started = time.monotonic()
    report = run_in_parts(options.seed, options.seconds, options.count, options.jobs, _tell)
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
    if options.record and not report.failures and report.programs == options.count:
        print(f"written to {record(options.seed, report.programs)}")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
