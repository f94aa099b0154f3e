"""The networks of MLRift 1.1: processor time beside 1.1's, output beside what 1.1 printed.

1.1's times are those of its specification, measured on a quicker machine (Zen 5); the peer is not
run. What scale_50k does most of the time, drawing 2.5 billion numbers one after the other, is also
measured in C, where gcc's took 3.8 s on that machine. In ordinary loops the networks are in
examples/snn/classic, some in the words for networks beside that folder, where loops must print
their `// expect:` lines and words the number of spikes.
"""

import re
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import commands
from benchmarks.figures import Figure, Verdict, at_most, milliseconds
from benchmarks.measure import Command, MeasurementError, fresh_folder, run_once

WORDS = commands.BENCHMARKS.parent / "examples" / "snn"
CLASSIC = WORDS / "classic"
_NUMBER = re.compile(r"\d+")
_EXPECTATION = re.compile(r"^// expect: (.*)$", re.MULTILINE)

ONE_THREAD = {"MLRIFT_THREADS": "1"}

CLASSIC_NOTE = (
    "Processor time of one thread beside that of 1.1, measured on a quicker machine (Zen 5).\n"
    "Without an aim: 1.1's small programs spent most of their time printing spikes, ours print\n"
    "counts. The draws of scale_50k are 2.5 billion steps of a chain of six operations; in words\n"
    "they are 32 chains side by side, which is not recognised in loops."
)


@dataclass(frozen=True, slots=True)
class Program:
    """A network of 1.1, its processor seconds there, and what shares of them ours may take.

    In the words for networks it prints these spikes: those of 1.1 but for three, whose index of
    incoming synapses is wrong there and right in the words.
    """

    name: str
    seconds_1_1: float
    words_spikes: int
    loops_aim: float | None = None
    words_aim: float | None = None


PROGRAMS = (
    Program("lif_neuron", 0.0005, 29),
    Program("two_neuron_synapse", 0.002, 43),
    Program("population_100", 0.07, 2_551),
    Program("sparse_100", 0.14, 5_023),
    Program("sparse_1000", 1.14, 42_991),
    Program("random_100", 0.14, 5_256),
    Program("random_1000", 1.92, 52_361),
    Program("ei_100", 0.07, 2_551),
    Program("stdp_100", 0.09, 2_546),
    Program("stp_100", 0.11, 2_562),
    Program("delay_100", 0.07, 2_630),
    Program("mongillo_wm", 0.10, 2_791),
    Program("stdp_bidir_500", 0.36, 12_893),
    Program("scale_10k", 0.65, 23_741, 0.5),
    Program("scale_50k", 8.0, 118_425, 0.5, 0.05),
    Program("noesis_genome_5k", 0.60, 66_291, 0.5),
    Program("noesis_genome_5k_sm64", 0.60, 66_291, 0.5),
)


@dataclass(frozen=True, slots=True)
class Size:
    """A size of the network noesis_60m, its spikes, and 1.1's time a cell and step."""

    cells: int
    fan_out: int
    steps: int
    spikes: int
    nanoseconds_1_1: float


SIZES = (
    Size(100_000, 4, 2_000, 3_309_236, 8.9),
    Size(100_000, 100, 1_000, 1_658_623, 89.0),
    Size(1_000_000, 4, 500, 8_210_318, 13.1),
    Size(1_000_000, 100, 200, 3_282_902, 128.0),
)
DRAWS = commands.BENCHMARKS / "snn" / "draws.c"
DRAWS_NAME = "scale_50k, beside its draws in C"
DRAWN_SYNAPSES = 4_998_610
# Loops beside plain loops in C.
LARGEST_RATIO_TO_C = 1.3
SIZES_PROGRAM = "noesis_60m"
SIZES_AIM = 0.5


@dataclass(frozen=True, slots=True)
class _Form:
    """A program: its name in the table, its source, its aim, and whether an output is right."""

    name: str
    source: Path
    aim: float | None
    is_right: Callable[[str], bool]


def classic_figures(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield a row per program, also in the words for networks, then one per size of noesis_60m."""
    for row in PROGRAMS:
        for form in _forms(row):
            yield from _program_figures(form, row.seconds_1_1, folder, runs)
    program = _compiled(CLASSIC / f"{SIZES_PROGRAM}.mlr", folder)
    for size in SIZES:
        yield _size_figure(size, program, runs)


def _forms(row: Program) -> Iterator[_Form]:
    loops, words = CLASSIC / f"{row.name}.mlr", WORDS / f"{row.name}.mlr"
    lines = _EXPECTATION.findall(loops.read_text(encoding="utf-8"))
    yield _Form(row.name, loops, row.loops_aim, lambda output: output.splitlines() == lines)
    if words.exists():
        spikes = str(row.words_spikes)
        name = f"{row.name}, words"
        yield _Form(name, words, row.words_aim, lambda output: spikes in _NUMBER.findall(output))


def _compiled(source: Path, folder: Path) -> Path:
    program = fresh_folder(folder) / source.stem
    run_once(commands.mlrc(source, program, folder / "cache", commands.HOST_TARGET))
    return program


def _draws_figure(seconds: float, folder: Path, runs: int) -> Figure:
    """Compare scale_50k in loops with its draws in C, without any simulation."""
    program = fresh_folder(folder) / "draws"
    run_once(Command(("gcc", "-O3", "-march=native", "-o", str(program), str(DRAWS))))
    samples = [run_once(Command((str(program),))) for _ in range(runs)]
    if samples[0].stdout.decode() != f"{DRAWN_SYNAPSES}\n":
        return Figure(DRAWS_NAME, "its synapses are wrong", "", "", "", Verdict.FAILED)
    theirs = statistics.median(sample.processor_seconds for sample in samples)
    cells = (milliseconds(seconds), milliseconds(theirs), f"{seconds / theirs:.3f}")
    verdict = at_most(seconds / theirs, LARGEST_RATIO_TO_C)
    return Figure(DRAWS_NAME, *cells, f"<= {LARGEST_RATIO_TO_C}", verdict)


def _program_figures(form: _Form, seconds_1_1: float, folder: Path, runs: int) -> Iterator[Figure]:
    try:
        program = _compiled(form.source, folder)
        samples = [run_once(Command((str(program),), ONE_THREAD)) for _ in range(runs)]
    except MeasurementError as error:
        text = str(error).replace("\n", " ")[:200]
        yield Figure(form.name, text, "", "", "", Verdict.FAILED)
        return
    if not form.is_right(samples[0].stdout.decode()):
        yield Figure(form.name, "its output is wrong", "", "", "", Verdict.FAILED)
        return
    seconds = statistics.median(sample.processor_seconds for sample in samples)
    yield _share(form.name, seconds, seconds_1_1, form.aim)
    if form.name == "scale_50k":
        yield _draws_figure(seconds, folder, runs)


def _size_figure(size: Size, program: Path, runs: int) -> Figure:
    """Compare whole runs less runs of one step, which only build the network."""
    name = f"{SIZES_PROGRAM} N={size.cells} K={size.fan_out}"
    spent = []
    for _ in range(runs):
        whole = run_once(_sized(program, size, size.steps))
        built = run_once(_sized(program, size, 1))
        if f"spikes: {size.spikes}\n" not in whole.stdout.decode():
            return Figure(name, "its spikes are wrong", "", "", "", Verdict.FAILED)
        spent.append(whole.processor_seconds - built.processor_seconds)
    neuron_steps = size.cells * (size.steps - 1)
    seconds_1_1 = size.nanoseconds_1_1 * neuron_steps / 1e9
    return _share(name, statistics.median(spent), seconds_1_1, SIZES_AIM)


def _sized(program: Path, size: Size, steps: int) -> Command:
    return Command((str(program), str(size.cells), str(steps), str(size.fan_out)), ONE_THREAD)


def _share(name: str, seconds: float, seconds_1_1: float, aim: float | None) -> Figure:
    share = seconds / seconds_1_1
    cells = (milliseconds(seconds), milliseconds(seconds_1_1), f"{share:.3f}")
    if aim is None:
        return Figure(name, *cells, "", Verdict.NO_AIM)
    return Figure(name, *cells, f"<= {aim}", at_most(share, aim))
