"""The spiking networks of MLRift 1.1, in ordinary loops: spikes and weights as 1.1 printed them."""

from pathlib import Path

import pytest

from mlrift.targets import LINUX_X86_64
from tests.examples.oracles import EXAMPLES
from tests.examples.programs import run_example
from tests.harness.compiler import compile_program
from tests.harness.run_files import run_everywhere

FOLDER = EXAMPLES / "snn" / "classic"
# Its 2.5 billion draws take seconds at -O2 and half a minute at -O0; benchmarks/snn.py checks it.
TOO_LONG = "scale_50k"
PROGRAMS = sorted(path for path in FOLDER.glob("*.mlr") if path.stem != TOO_LONG)
SIZES = "snn/classic/noesis_60m"


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_network_prints_what_1_1_printed(program: Path) -> None:
    run_everywhere(program)


def test_the_largest_network_of_the_tests_too_long_compiles() -> None:
    compile_program(FOLDER / f"{TOO_LONG}.mlr", [], (LINUX_X86_64,))


@pytest.mark.parametrize(
    ("arguments", "spikes"),
    [
        (["100000", "1000", "100"], 1658623),
        (["1000000", "100"], 1724703),
        (["1", "3", "1"], 0),
    ],
)
def test_network_of_any_size(arguments: list[str], spikes: int, tmp_path: Path) -> None:
    result = run_example(SIZES, arguments, tmp_path)
    assert result.status == 0
    assert f"spikes: {spikes}\n".encode() in result.stdout


@pytest.mark.parametrize("argument", ["12x", "0", "", "-5", "99999999999999999999"])
def test_network_of_no_size_is_refused(argument: str, tmp_path: Path) -> None:
    result = run_example(SIZES, [argument], tmp_path)
    assert result.status == 2
    assert b"not " + argument.encode() in result.stderr


def test_network_that_fits_no_memory_is_refused(tmp_path: Path) -> None:
    result = run_example(SIZES, ["4294967295", "1", "4294967295"], tmp_path)
    assert result.status == 3
    assert b"not enough memory" in result.stderr
