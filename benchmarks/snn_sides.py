"""Who takes part in a measurement: each makes a command that prints `spikes=`, `sim_ns=`, ...

A side compiles itself for a workload first; one that cannot take part says why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import commands, peers
from benchmarks.measure import Command, fresh_folder, run_once
from benchmarks.snn_workloads import Kind, Precision, Workload

SOURCES = commands.BENCHMARKS / "snn"


class SideMissing(Exception):
    """A side that takes no part; the text says why."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a workload is run."""

    workload: Workload
    precision: Precision
    threads: int

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words N K STEPS."""
        work = self.workload
        return str(work.cells), str(work.fan_out), str(work.steps)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.workload.name} {self.precision.value} T={self.threads}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A command that is ready, and how long it took to compile."""

    command: Command
    compile_seconds: float | None


@dataclass(frozen=True, slots=True)
class Side:
    """A name for tables, and how it prepares itself in a folder."""

    name: str
    prepare: Callable[[Setting, Path], Prepared]


def sides_for(setting: Setting) -> Sequence[Side]:
    """Return the sides that can run a setting; ours is the first."""
    return [side for side in SIDES if _takes_part(side, setting)]


def _takes_part(side: Side, setting: Setting) -> bool:
    is_f32 = setting.precision is Precision.F32
    if side is C_PLAIN:
        return not is_f32 and setting.threads == 1
    if side is C_FOLDED:
        return setting.workload.kind is Kind.LIF and not is_f32
    if side is C_FUSED:
        return setting.workload.kind is Kind.LIF or setting.threads == 1
    return True


def _ours(setting: Setting, folder: Path) -> Prepared:
    suffix = "_f32" if setting.precision is Precision.F32 else ""
    source = SOURCES / f"{setting.workload.kind.value}{suffix}.mlr"
    if not source.exists():
        raise SideMissing(f"{source.relative_to(commands.BENCHMARKS.parent)} is missing")
    program = fresh_folder(folder) / source.stem
    compiler = commands.mlrc(source, program, folder / "cache", commands.HOST_TARGET)
    seconds = run_once(compiler).seconds
    words = (str(program), *setting.arguments, str(setting.threads))
    return Prepared(Command(words), seconds)


def _c(variant: str) -> Callable[[Setting, Path], Prepared]:
    def prepare(setting: Setting, folder: Path) -> Prepared:
        program = fresh_folder(folder) / setting.workload.kind.value
        source = SOURCES / f"{setting.workload.kind.value}.c"
        single = ("-DSINGLE",) if setting.precision is Precision.F32 else ()
        flags = ("-O3", "-march=native", "-fopenmp", *single)
        compiled = run_once(Command(("gcc", *flags, "-o", str(program), str(source))))
        words = (str(program), *setting.arguments, str(setting.threads), variant)
        return Prepared(Command(words), compiled.seconds)

    return prepare


def _brian(setting: Setting, folder: Path) -> Prepared:
    python = _python(peers.BRIAN)
    project = fresh_folder(folder)
    threads = setting.threads if setting.threads > 1 else 0
    kind, precision = setting.workload.kind.value, setting.precision.value
    words = (str(project), kind, *setting.arguments, precision, str(threads))
    built = run_once(Command((str(python), str(SOURCES / "brian.py"), *words)))
    return Prepared(Command(("env", "-C", str(project), "./main")), built.seconds)


def _torch(setting: Setting, _: Path) -> Prepared:
    python = _python(peers.TORCH)
    script = SOURCES / f"{setting.workload.kind.value}_torch.py"
    words = (*setting.arguments, setting.precision.value, str(setting.threads))
    return Prepared(Command((str(python), str(script), *words)), None)


def _python(peer: peers.Peer) -> Path:
    try:
        return peers.peer_python(peer)
    except peers.PeerMissing as error:
        raise SideMissing(str(error)) from error


OURS = Side("MLRift", _ours)
C_PLAIN = Side("C, plain loops", _c("plain"))
C_FUSED = Side("C, fused", _c("fused"))
C_FOLDED = Side("C, weights folded", _c("folded"))
BRIAN = Side("Brian2, C++", _brian)
TORCH = Side("PyTorch", _torch)
SIDES = (OURS, C_PLAIN, C_FUSED, C_FOLDED, BRIAN, TORCH)
HAND_WRITTEN = (C_PLAIN, C_FUSED, C_FOLDED)
