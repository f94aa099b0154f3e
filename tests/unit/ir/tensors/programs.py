"""Programs made of tensor ops, run by the interpreter as they are, expanded, and as machine code.

A `TensorProgram` collects ops in `program.start`; `show` writes the bytes of a tensor to standard
output. It is built anew for every compilation, because the passes change it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mlrift.driver import pipeline
from mlrift.driver.library_units import merge_core_library
from mlrift.driver.options import CompileOptions, Optimisation
from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Function, Global, Linkage, Module, Value
from mlrift.ir.interpret import ProgramLimits, RecordingOs, run_program
from mlrift.ir.interpret.program import Program
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Constant, Shl
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.memory import GlobalAddress
from mlrift.ir.ops.tensor import Contiguous, Data, Fill, Keep, Length, View
from mlrift.ir.ops.tensor_types import ELEMENT_BYTES, scalar_of, tensor_of
from mlrift.ir.passes.domain_pipeline import expand_domain_ops
from mlrift.ir.verify import check_module
from mlrift.targets import LINUX_X86_64, Target
from mlrift.typesystem import F64, I64, ElementKind, Extents, tensor
from tests.harness.compiler import context_for
from tests.support.engines import default_engine

Made = TypeVar("Made", bound=Op)
FLOAT_DTYPES: dict[ElementKind, np.dtype[Any]] = {
    ElementKind.F16: np.dtype(np.float16),
    ElementKind.F32: np.dtype(np.float32),
    ElementKind.F64: np.dtype(np.float64),
}
_ELEMENTARY = ("float_exp", "float_log", "float_tanh", "float_sin", "float_cos", "float_cos_near")
_SINGLE = ("single_exp", "single_log", "single_tanh", "wide_sin", "wide_cos")


@dataclass(slots=True)
class Shown:
    """What one `show` writes: how many bytes, of which kind, and a label for messages."""

    label: str
    kind: ElementKind
    size_bytes: int


@dataclass(slots=True)
class TensorProgram:
    """A program under construction; `shown` says what its output consists of."""

    module: Module
    builder: Builder
    shown: list[tuple[str, Value]] = field(default_factory=list)
    count: int = 0

    def emit(self, made: Made) -> Made:
        """Append an op that has to be right by its own rules."""
        problem = made.check_operands() or made.check()
        assert problem is None, f"{made.MNEMONIC}: {problem}"
        return self.builder.emit(made)

    def word(self, value: int) -> Value:
        """Return a constant."""
        return self.builder.word(value)

    def words(self, values: Sequence[int]) -> list[Value]:
        """Return constants."""
        return [self.word(row) for row in values]

    def data(self, kind: ElementKind, array: NDArray[Any], known: Extents | None = None) -> View:
        """Return a tensor with the contents of an array, bits of bf16 for that kind."""
        name = f"data.{self.count}"
        self.count += 1
        content = np.ascontiguousarray(array).tobytes()
        self.module.globals[name] = Global(name, max(len(content), 1), 64, content)
        address = self.emit(GlobalAddress(name))
        extents = self.words(array.shape)
        found = tensor(kind, array.shape if known is None else known)
        return self.emit(View(address, extents, [], found))

    def scalar(self, kind: ElementKind, value: float) -> Fill:
        """Return a tensor without axes."""
        machine = scalar_of(kind)
        constant = Constant(int(value) % (1 << 64) if machine is I64 else float(value), machine)
        return self.emit(Fill(self.emit(constant), [], tensor(kind, ())))

    def show(self, label: str, value: Value) -> None:
        """Write the elements of a tensor."""
        whole = self.emit(Contiguous(value))
        address = self.emit(Data(whole))
        size = ELEMENT_BYTES[tensor_of(value).element].bit_length() - 1
        length = self.emit(Shl(self.emit(Length(whole)), self.word(size)))
        self.builder.call_external("os.write", [self.word(1), address, length])
        self.emit(Keep([whole]))
        self.shown.append((label, value))


def build(fill: Callable[[TensorProgram], None]) -> TensorProgram:
    """Return a program whose body `fill` makes."""
    module = Module("tensors")
    rows = [BlockParameter(I64, name) for name in ("argc", "argv", "envp")]
    function = Function("program.start", rows, (I64,), Linkage.EXPORTED, [Block("entry", rows)])
    module.functions["program.start"] = function
    program = TensorProgram(module, Builder(module, function))
    fill(program)
    program.builder.emit(Return([program.word(0)]))
    for name in _ELEMENTARY + _SINGLE:
        module.declare(f"core.math_{name}", [F64], (F64,))
    return program


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run wrote and how it ended."""

    stdout: bytes
    stderr: bytes
    status: int


def interpret(fill: Callable[[TensorProgram], None]) -> Outcome:
    """Run the ops themselves."""
    module = build(fill).module
    merge_core_library(module)
    check_module(module, "building")
    return _interpreted(module, ProgramLimits())


def _interpreted(module: Module, limits: ProgramLimits) -> Outcome:
    result = run_program(module, [], RecordingOs(b"", {}), limits)
    return Outcome(result.stdout, result.stderr + result.note.encode(), result.status)


def expanded(fill: Callable[[TensorProgram], None]) -> Module:
    """Return the program without tensor ops, with all that it needs."""
    module = build(fill).module
    expand_domain_ops(module, lambda name, now: check_module(now, name))
    merge_core_library(module)
    check_module(module, "merging")
    return module


def interpret_expanded(module: Module, threads: int = 3) -> Outcome:
    """Interpret what the ops become."""
    return _interpreted(module, ProgramLimits(parallel_threads=threads))


def tensors_left(module: Module) -> int:
    """Return how many descriptors there are when the expanded program has ended."""
    running = Program(module, RecordingOs(b"", {}), ProgramLimits())
    running.function("program.start")(0, 0, 0)
    return running.memory.word(running.global_address("static.core.tensor_live"))


def compile_natively(
    module: Module,
    target: Target = LINUX_X86_64,
    optimisation: Optimisation = Optimisation.FULL,
) -> bytes:
    """Optimise the expanded program, in place, compile and link it."""
    options = CompileOptions(
        source=Path("tensors.mlr"), output=None, targets=(target,), optimisation=optimisation
    )
    context = context_for(options)
    pipeline.optimise_module(context, module)
    check_module(module, "optimising")
    (made,) = pipeline.slices(context, module)
    return made.image


def run_natively(
    image: bytes, target: Target = LINUX_X86_64, environment: dict[str, str] | None = None
) -> Outcome:
    """Run an executable."""
    result = default_engine(target).run(image, environment=environment, timeout_seconds=60)
    return Outcome(result.stdout, result.stderr, result.status)


def difference(shown: list[Shown], one: Outcome, two: Outcome) -> str:
    """Say where the tensors of two runs differ; "" when they are the same but for NaNs."""
    if (one.status, one.stderr) != (two.status, two.stderr):
        return f"{one.status} {one.stderr!r}, then {two.status} {two.stderr!r}"
    if len(one.stdout) != len(two.stdout):
        return f"{len(one.stdout)} bytes, then {len(two.stdout)}"
    offset = 0
    for row in shown:
        end = offset + row.size_bytes
        first, second = one.stdout[offset:end], two.stdout[offset:end]
        offset = end
        if first != second:
            problem = _different(first, second, row.kind)
            if problem:
                return f"{row.label}: {problem}"
    return ""


def shown_by(fill: Callable[[TensorProgram], None]) -> list[Shown]:
    """Return what a program writes; a run of its own tells the lengths."""

    def counting(program: TensorProgram) -> None:
        fill(program)
        for _, value in program.shown:
            program.builder.call_external("test.length", [program.emit(Length(value))], ())

    lengths: list[int] = []
    module = build(counting)
    merge_core_library(module.module)
    running = Program(module.module, RecordingOs(b"", {}), ProgramLimits())
    running._external["test.length"] = lengths.append
    running.function("program.start")(0, 0, 0)
    rows = zip(module.shown, lengths, strict=True)
    kinds = ((label, tensor_of(value).element, length) for (label, value), length in rows)
    return [Shown(label, kind, length * ELEMENT_BYTES[kind]) for label, kind, length in kinds]


def _different(first: bytes, second: bytes, kind: ElementKind) -> str:
    one: NDArray[Any]
    two: NDArray[Any]
    if kind is ElementKind.BF16:
        one = (np.frombuffer(first, np.uint16).astype(np.uint32) << 16).view(np.float32)
        two = (np.frombuffer(second, np.uint16).astype(np.uint32) << 16).view(np.float32)
    elif kind in FLOAT_DTYPES:
        one = np.frombuffer(first, FLOAT_DTYPES[kind])
        two = np.frombuffer(second, FLOAT_DTYPES[kind])
    else:
        one = np.frombuffer(first, np.dtype(f"u{ELEMENT_BYTES[kind]}"))
        two = np.frombuffer(second, np.dtype(f"u{ELEMENT_BYTES[kind]}"))
    same = (one == two) & (np.signbit(one) == np.signbit(two) if one.dtype.kind == "f" else True)
    if one.dtype.kind == "f":
        same |= np.isnan(one) & np.isnan(two)
    if same.all():
        return ""
    place = int(np.argmin(same))
    return f"element {place} of {len(one)} is {one[place]!r}, then {two[place]!r}"
