"""A short run of the fuzzer, and every program it once failed on."""

from pathlib import Path

from tests.fuzz.mutate import Failure, Worker, run

REGRESSIONS = Path(__file__).parent / "regressions"


def test_mutants_never_crash_the_compiler() -> None:
    made, failures = run(seed=20261121, seconds=25, count=250)
    assert made > 5
    assert not failures, f"{failures[0]}\n{failures[0].text}"


def test_kept_regressions() -> None:
    worker = Worker()
    try:
        for path in sorted(REGRESSIONS.glob("*.mlr")):
            for flags in (["--arch=x86_64", "-O0"], ["--arch=arm64"]):
                try:
                    worker.compile(path.read_text(encoding="utf-8"), flags)
                except Failure as failure:
                    raise AssertionError(f"{path.name}: {failure}") from failure
    finally:
        worker.close()
