"""`mlrc test FILE`: runs the functions marked `@test`, each in a process of its own."""

import sys

from mlrift.driver.options import CompileOptions
from mlrift.driver.testing import TestProgram, build_tests
from mlrift.runtime.capture import Captured, Ending, capture, executable_file

STATUS_FAILED = 1
TIMEOUT_SECONDS = 60


def run_tests(options: CompileOptions) -> int:
    """Compile and run the tests of a file, print a line each and the totals."""
    program = build_tests(options)
    sys.stderr.write(program.messages)
    if program.status != 0:
        return program.status
    if not program.names:
        sys.stdout.write(f"no functions marked @test in {options.source}\n")
        return 0
    sys.stderr.flush()
    failures = _run(program, options.targets[0].system.executable_suffix)
    passed = len(program.names) - failures
    sys.stdout.write(f"{passed} passed, {failures} failed\n")
    return STATUS_FAILED if failures else 0


def _run(program: TestProgram, suffix: str) -> int:
    """Run all tests; returns how many failed."""
    failures = 0
    with executable_file(program.image, suffix) as path:
        for number, name in enumerate(program.names):
            end = capture([path, str(number)], TIMEOUT_SECONDS)
            if end.ending is Ending.EXITED and end.number == 0:
                sys.stdout.write(f"test {name} ... ok\n")
            else:
                failures += 1
                sys.stdout.write(f"test {name} ... FAILED: {end.describe()}\n{_output(end)}")
            sys.stdout.flush()
    return failures


def _output(end: Captured) -> str:
    lines = end.output.decode("utf-8", "replace").splitlines()
    return "".join(f"    {line}\n" for line in lines)
