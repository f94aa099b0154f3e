"""How many threads regions have, and that a library's threads end with it."""

import os
import subprocess
from pathlib import Path

import pytest

from mlrift.targets import LINUX_X86_64
from tests.harness.compiler import run_mlrc
from tests.objects.toolchains import flags_of

PROGRAM = """
fn part(u64 sums, u64 first, u64 last, u64 part) { atomic_add(sums, last - first) }

static u64[1] sum

fn main() {
    os_parallel_run(fn_addr("part"), sum, 100, 1, os_parallel_parts(100, 1, 1))
    println(os_parallel_threads(), sum[0])
}
"""
LIBRARY = """
static u64[1] sum

fn part(u64 sums, u64 first, u64 last, u64 part) { atomic_add(sums, last - first) }

@export
fn count(u64 n) -> u64 {
    os_parallel_set_threads(4)
    os_parallel_run(fn_addr("part"), sum, n, 1, 4)
    return atomic_load(sum)
}

@export
fn threads() -> u64 { return os_parallel_threads() }
"""


def compiled(folder: Path, text: str, *flags: str) -> Path:
    """Compile a text for this machine."""
    source, made = folder / "text.mlr", folder / "made"
    source.write_text(text, encoding="utf-8")
    words = [*flags_of(LINUX_X86_64), *flags, str(source), "-o", str(made)]
    status, _, messages = run_mlrc(words)
    assert status == 0, messages
    return made


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a program that prints how many threads there are."""
    return compiled(tmp_path_factory.mktemp("program"), PROGRAM)


@pytest.mark.parametrize("number", ["1", "3", "256"])
def test_variable_says_how_many_threads(program: Path, number: str) -> None:
    done = subprocess.run(
        [program], capture_output=True, text=True, check=True, env={"MLRIFT_THREADS": number}
    )
    assert (done.stdout, done.stderr) == (f"{number} 100\n", "")


@pytest.mark.parametrize("text", ["0", "257", "two", "-1", " 2", "99999999999999999999"])
def test_malformed_variable_is_reported_and_ignored(program: Path, text: str) -> None:
    done = subprocess.run(
        [program], capture_output=True, text=True, check=True, env={"MLRIFT_THREADS": text}
    )
    assert done.stdout == f"{len(os.sched_getaffinity(0))} 100\n"
    assert done.stderr == (
        "MLRIFT_THREADS is not a number from 1 to 256: there is a thread for every CPU\n"
    )


def test_empty_variable_is_none(program: Path) -> None:
    done = subprocess.run(
        [program], capture_output=True, text=True, check=True, env={"MLRIFT_THREADS": ""}
    )
    assert done.stderr == ""


def test_threads_of_a_library_end_when_it_is_closed(tmp_path: Path) -> None:
    made = compiled(tmp_path, LIBRARY, "--emit=lib")
    # a process of its own: here other threads come and go
    script = f"""
import ctypes, os
from _ctypes import dlclose

def threads():
    return len(os.listdir("/proc/self/task"))

before = threads()
for _ in range(5):
    library = ctypes.CDLL({str(made)!r})
    assert library.count(1000) == 1000
    print(threads() - before)
    dlclose(library._handle)
    print(threads() - before)
"""
    done = subprocess.run(["python3", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("3\n0\n" * 5, "")


def test_library_reads_the_variable(tmp_path: Path) -> None:
    made = compiled(tmp_path, LIBRARY, "--emit=lib")
    script = f"import ctypes; print(ctypes.CDLL({str(made)!r}).threads())"
    done = subprocess.run(
        ["python3", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MLRIFT_THREADS": "7"},
    )
    assert done.stdout == "7\n"
