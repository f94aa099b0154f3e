"""Measuring one tensor operation: our program and PyTorch's in, times and mistakes out."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import commands, peers
from benchmarks.measure import Command, MeasurementError, Sample, alternate, always, run_once
from benchmarks.tensor_operations import CHAIN_ELEMENTS, Operation

SOURCES = commands.BENCHMARKS / "tensor"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the machine gives on a number of threads."""

    threads: int
    multiply_add_gflops: float
    copy_gigabytes: float
    chain_ns: float


@dataclass(frozen=True, slots=True)
class Times:
    """Medians of an operation's rounds; a side that is missing has none and a reason."""

    operation: Operation
    threads: int
    ours_ns: float | None
    torch_ns: float | None
    missing: tuple[str, ...]
    mistake: str = ""


def machine_limits(threads: int, folder: Path) -> Limits:
    """Compile and run limits.c."""
    program = folder / "limits"
    flags = ("-O3", "-march=native", "-fopenmp")
    run_once(Command(("gcc", *flags, "-o", str(program), str(SOURCES / "limits.c"))))
    sample = run_once(Command((str(program), str(threads), str(CHAIN_ELEMENTS))))
    values = _values(sample)
    chain_ns = statistics.median(values["chain_ns"])
    return Limits(threads, values["fma_gflops"][0], values["copy_gbps"][0], chain_ns)


def memory_of_chain(folder: Path) -> float:
    """Return the peak memory of ten operations in units of the tensor they work on."""
    program = folder / "memory"
    source = SOURCES / "memory.mlr"
    run_once(commands.mlrc(source, program, folder / "cache", commands.HOST_TARGET))
    sample = run_once(Command((str(program),)))
    return sample.peak_memory_bytes / _values(sample)["bytes"][0]


def measure(operation: Operation, threads: int, folder: Path, runs: int) -> Times:
    """Run both sides alternately and compare their results."""
    missing: list[str] = []
    ours, torch = _our_command(operation, threads, folder), _torch_command(operation, threads)
    if isinstance(ours, str):
        missing.append(ours)
    if isinstance(torch, str):
        missing.append(torch)
    ready = [command for command in (ours, torch) if isinstance(command, Command)]
    try:
        rows = alternate([always(command) for command in ready], runs)
        values = {
            command.arguments: (_median_ns(row), _values(row[-1]))
            for command, row in zip(ready, rows, strict=True)
        }
    except MeasurementError as error:
        return Times(operation, threads, None, None, tuple(missing), f"{operation.name}: {error}")
    found = [
        values[command.arguments] if isinstance(command, Command) else None
        for command in (ours, torch)
    ]
    mine, theirs = found
    mistake = mistake_in(operation, mine[1], theirs[1]) if mine and theirs else ""
    return Times(
        operation,
        threads,
        mine[0] if mine else None,
        theirs[0] if theirs else None,
        tuple(missing),
        mistake,
    )


def _our_command(operation: Operation, threads: int, folder: Path) -> Command | str:
    source = SOURCES / f"{operation.name}.mlr"
    if not source.exists():
        return f"MLRift: {source.relative_to(commands.BENCHMARKS.parent)} is missing"
    program = folder / operation.name
    if not program.exists():
        run_once(commands.mlrc(source, program, folder / "cache", commands.HOST_TARGET))
    return Command((str(program), str(operation.rounds), str(threads)))


def _torch_command(operation: Operation, threads: int) -> Command | str:
    try:
        python = peers.peer_python(peers.TORCH)
    except peers.PeerMissing as reason:
        return f"PyTorch: {reason}"
    script = SOURCES / "operations_torch.py"
    return Command((str(python), str(script), operation.name, str(operation.rounds), str(threads)))


def _median_ns(samples: Sequence[Sample]) -> float:
    return statistics.median(value for sample in samples for value in _values(sample)["ns"])


def _values(sample: Sample) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for line in sample.stdout.decode(errors="replace").splitlines():
        name, separator, text = line.partition("=")
        if not separator:
            raise MeasurementError(f"not `name=value`: {line}")
        values.setdefault(name, []).append(float(text))
    return values


def mistake_in(
    operation: Operation, ours: dict[str, list[float]], torch: dict[str, list[float]]
) -> str:
    """Return what is wrong with our result, or nothing."""
    sizes = {"checksum": torch["scale"][0], "squares": abs(torch["squares"][0])}
    for name, size in sizes.items():
        if name not in ours:
            return f"{operation.name}: no line `{name}=`"
        difference = abs(ours[name][0] - torch[name][0])
        if not math.isfinite(difference) or difference > operation.tolerance * size:
            return f"{operation.name}: {name} is {ours[name][0]}, PyTorch's {torch[name][0]}"
    return ""
