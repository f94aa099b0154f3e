"""What compiling and starting cost: time, memory, throughput, sizes; beside gcc where it fits."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import commands
from benchmarks.figures import (
    Figure,
    Verdict,
    at_least,
    at_most,
    kibibytes,
    mebibytes,
    milliseconds,
)
from benchmarks.generate import generate_program
from benchmarks.generate_project import generate_project, line_count
from benchmarks.measure import (
    Command,
    Sample,
    alternate,
    always,
    fresh_folder,
    median_seconds,
    run_once,
)

COLD_LIMIT_GCC_TIMES = 4.0
UNCHANGED_LIMIT_SECONDS = 0.060
RUNNER_LIMIT_SECONDS = 0.040
THROUGHPUT_LIMIT_LINES_PER_SECOND = 10_000 / 1.5
THROUGHPUT_LINES = (20_000, 40_000)
FEWEST_START_RUNS = 15
PROJECT_LINES = 60_000
PROJECT_LIMIT_SECONDS = {"-O0": 20.0, "-O2": 60.0}
PROJECT_LIMIT_MEMORY_BYTES = 1_500_000_000


def compiler_figures(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield all figures about the compiler and the runner."""
    fat = folder / "hello.mlrbo"
    yield from _hello_compile_figures(folder, fat, runs)
    yield from _start_figures(folder, fat, max(runs, FEWEST_START_RUNS))
    yield from _throughput_figures(folder, runs)
    yield from _project_figures(folder)
    yield from _size_figures(folder, fat)


def _hello_compile_figures(folder: Path, fat: Path, runs: int) -> Iterator[Figure]:
    kept_cache = fresh_folder(folder)

    def cold() -> Command:
        return commands.mlrc(commands.HELLO_MLR, fat, fresh_folder(folder))

    unchanged = commands.mlrc(commands.HELLO_MLR, fat, kept_cache)
    run_once(unchanged)
    run_once(cold())
    makers: list[Callable[[], Command]] = [
        cold,
        always(commands.gcc(commands.HELLO_C, folder / "hello.gcc")),
        always(unchanged),
        always(commands.empty_python()),
    ]
    cold_samples, gcc_samples, unchanged_samples, python_samples = alternate(makers, runs)
    yield _cold_figure(cold_samples, gcc_samples)
    warm, python = median_seconds(unchanged_samples), median_seconds(python_samples)
    yield Figure(
        "hello, input unchanged (peer: python -c pass)",
        milliseconds(warm),
        milliseconds(python),
        f"{warm / python:.2f}",
        f"<= {milliseconds(UNCHANGED_LIMIT_SECONDS)}",
        at_most(warm, UNCHANGED_LIMIT_SECONDS),
    )
    yield Figure(
        "peak memory of the cold hello compile",
        mebibytes(max(sample.peak_memory_bytes for sample in cold_samples)),
        mebibytes(max(sample.peak_memory_bytes for sample in gcc_samples)),
        "",
        "",
        Verdict.NO_AIM,
    )


def _cold_figure(ours: list[Sample], gcc: list[Sample]) -> Figure:
    ratio = median_seconds(ours) / median_seconds(gcc)
    return Figure(
        "hello, eight slices, empty cache (peer: gcc -O2)",
        milliseconds(median_seconds(ours)),
        milliseconds(median_seconds(gcc)),
        f"{ratio:.2f}",
        f"<= {COLD_LIMIT_GCC_TIMES:g} x gcc",
        at_most(ratio, COLD_LIMIT_GCC_TIMES),
    )


def _start_figures(folder: Path, fat: Path, runs: int) -> Iterator[Figure]:
    bare = _host_hello(folder)
    sides = [always(commands.mlr(fat)), always(Command((str(bare),)))]
    runner_samples, bare_samples = alternate(sides, runs)
    added = median_seconds(runner_samples) - median_seconds(bare_samples)
    yield Figure(
        f"mlr hello.mlrbo (peer: the bare program), {runs} runs",
        milliseconds(median_seconds(runner_samples)),
        milliseconds(median_seconds(bare_samples)),
        f"+{milliseconds(added)}",
        f"<= +{milliseconds(RUNNER_LIMIT_SECONDS)}",
        at_most(added, RUNNER_LIMIT_SECONDS),
    )


def _throughput_figures(folder: Path, runs: int) -> Iterator[Figure]:
    for lines in THROUGHPUT_LINES:
        source = folder / f"generated{lines}.mlr"
        source.write_text(generate_program(lines), encoding="utf-8")
        output = folder / "generated"

        def compile_generated(source: Path = source, output: Path = output) -> Command:
            cache = fresh_folder(folder)
            return commands.mlrc(source, output, cache, commands.HOST_TARGET, "-O0")

        (samples,) = alternate([compile_generated], min(runs, 3))
        run_once(Command((str(output),)))
        seconds = median_seconds(samples)
        yield Figure(
            f"{lines:,} generated lines, -O0, one target",
            f"{lines / seconds:,.0f} lines/s",
            "",
            "",
            f">= {THROUGHPUT_LIMIT_LINES_PER_SECOND:,.0f} lines/s",
            at_least(lines / seconds, THROUGHPUT_LIMIT_LINES_PER_SECOND),
        )
        peak = max(sample.peak_memory_bytes for sample in samples)
        yield Figure(
            f"the same {lines:,}: time and peak memory",
            f"{seconds:.2f} s, {mebibytes(peak)}",
            "",
            "",
            "",
            Verdict.NO_AIM,
        )


def _project_figures(folder: Path) -> Iterator[Figure]:
    """Compile a program of many files for one target, once: it takes about a minute."""
    sources = fresh_folder(folder)
    main = generate_project(sources, PROJECT_LINES)
    files = len(list(sources.glob("*.mlr")))
    for level, limit_seconds in PROJECT_LIMIT_SECONDS.items():
        output = folder / "project"
        cache = fresh_folder(folder)
        sample = run_once(commands.mlrc(main, output, cache, commands.HOST_TARGET, level))
        run_once(Command((str(output),)))
        yield Figure(
            f"{line_count(sources):,} lines in {files} files, {level}, one target",
            f"{sample.seconds:.1f} s, {sample.processor_seconds:.1f} s of processor time",
            "",
            "",
            f"<= {limit_seconds:g} s",
            at_most(sample.seconds, limit_seconds),
        )
        yield Figure(
            f"the same, {level}: peak memory",
            mebibytes(sample.peak_memory_bytes),
            "",
            "",
            f"<= {mebibytes(PROJECT_LIMIT_MEMORY_BYTES)}",
            at_most(sample.peak_memory_bytes, PROJECT_LIMIT_MEMORY_BYTES),
        )


def _size_figures(folder: Path, fat: Path) -> Iterator[Figure]:
    theirs = folder / "hello.gcc"
    sides = {"hello, one target": _host_hello(folder), "hello.mlrbo, eight slices": fat}
    for name, path in sides.items():
        size, peer = path.stat().st_size, theirs.stat().st_size
        yield Figure(
            f"size of {name} (peer: gcc -O2)",
            kibibytes(size),
            kibibytes(peer),
            f"{size / peer:.2f}",
            "",
            Verdict.NO_AIM,
        )


def _host_hello(folder: Path) -> Path:
    path = folder / "hello.bare"
    if not path.exists():
        cache = fresh_folder(folder)
        run_once(commands.mlrc(commands.HELLO_MLR, path, cache, commands.HOST_TARGET))
        shutil.rmtree(cache, ignore_errors=True)
    return path
