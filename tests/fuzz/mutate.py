"""Mutates programs and compiles them: never a traceback, never a hang, never an LLVM abort.

Seeded and bounded. Each mutant is compiled by a worker process that takes many, so that an abort of
LLVM ends the worker, not the fuzzer; the source of a failure is written beside this file's
`regressions/` folder by `--keep`.

    python -m tests.fuzz.mutate --seconds 60 --seed 1
"""

import argparse
import multiprocessing
import random
import re
import sys
import tempfile
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

from tests.harness.compiler import run_mlrc

PROJECT = Path(__file__).resolve().parents[2]
MUTANT_SECONDS = 20.0
_TOKEN = re.compile(r'"[^"\n]*"|\w+|[^\w\s]|\s+')


class Failure(Exception):
    """A mutant that crashed, hung or aborted the compiler."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(reason)
        self.text = text


def corpus() -> list[str]:
    """Return the programs that are mutated."""
    folders = (PROJECT / "examples", PROJECT / "tests" / "run", PROJECT / "tests" / "errors")
    paths = sorted(path for folder in folders for path in folder.rglob("*.mlr"))
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
    return [text for text in texts if len(text) < 8000]


def mutate(text: str, others: list[str], chance: random.Random) -> str:
    """Return a program a few edits away from `text`."""
    tokens = _TOKEN.findall(text)
    for _ in range(chance.randint(1, 4)):
        if not tokens:
            return text
        at = chance.randrange(len(tokens))
        match chance.randrange(7):
            case 0:
                del tokens[at : at + chance.randint(1, 6)]
            case 1:
                tokens.insert(at, tokens[chance.randrange(len(tokens))])
            case 2:
                other = chance.randrange(len(tokens))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 3:
                donor = _TOKEN.findall(chance.choice(others))
                start = chance.randrange(len(donor)) if donor else 0
                tokens[at:at] = donor[start : start + chance.randint(1, 30)]
            case 4:
                tokens[at] = chance.choice(_ODD)
            case 5:
                tokens[at] = "".join(
                    chance.choice("(){}[];,.+-*/<>=!&|^~@\"'\\ 09az_\n\0é") for _ in range(3)
                )
            case 6:
                tokens = tokens[:at]
    return "".join(tokens)


_ODD = [
    "0", "18446744073709551615", "0xFFFFFFFFFFFFFFFFFFFF", "1e308", "0.0", "-", "u8", "f32", "i64",
    "f16", "bool", "char", "fn", "return", "defer", "match", "struct", "static", "const", "main",
    "f\"{1}\"", "\"\"", "''", "alloc", "println", "sizeof", "..", "..=", "=>", "->", "@export",
    "64", "u64[4] a", "{", "}", "(", ")", "_", "loop", "break", "unsafe", "device", "import",
]  # fmt: skip


def compile_mutants(channel: Connection) -> None:
    """Worker: compile what arrives, answer "" or the traceback."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "mutant.mlr"
        while True:
            text, flags = channel.recv()
            source.write_text(text, encoding="utf-8")
            try:
                status, _, err = run_mlrc([*flags, str(source), "-o", f"{folder}/out"])
                bad = status not in (0, 1) or "Traceback" in err
                channel.send(f"status {status}\n{err}" if bad else "")
            except BaseException:
                channel.send(traceback.format_exc())


class Worker:
    """A compiler process that is replaced when it dies or hangs."""

    def __init__(self) -> None:
        self._channel, other = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=compile_mutants, args=(other,), daemon=True
        )
        self._process.start()

    def compile(self, text: str, flags: list[str]) -> None:
        """Compile one mutant; raises Failure."""
        self._channel.send((text, flags))
        if not self._channel.poll(MUTANT_SECONDS):
            alive = self._process.is_alive()
            self._process.kill()
            raise Failure("hang" if alive else "the compiler process died", text)
        try:
            answer = self._channel.recv()
        except EOFError:
            raise Failure("the compiler process died (LLVM abort?)", text) from None
        if answer:
            raise Failure(answer, text)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def run(seed: int, seconds: float, count: int) -> tuple[int, list[Failure]]:
    """Compile mutants until the time or the count is used up; return how many, and failures."""
    chance = random.Random(seed)
    texts = corpus()
    failures: list[Failure] = []
    worker = Worker()
    made = 0
    deadline = time.monotonic() + seconds
    while made < count and time.monotonic() < deadline and len(failures) < 20:
        text = mutate(chance.choice(texts), texts, chance)
        flags = [
            "--arch=" + chance.choice(["x86_64", "arm64"]),
            chance.choice(["-O0", "-O2", "--debug"]),
        ]
        made += 1
        try:
            worker.compile(text, flags)
        except Failure as failure:
            failures.append(failure)
            worker.close()
            worker = Worker()
    worker.close()
    return made, failures


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="write failing programs into this folder")
    options = parser.parse_args()
    made, failures = run(options.seed, options.seconds, 1_000_000)
    for number, failure in enumerate(failures):
        print(f"--- failure {number}: {failure}")
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / f"{options.seed}-{number}.mlr").write_text(failure.text)
        else:
            print(failure.text)
    print(f"{made} programs, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
