"""The back end for kernels: a module that `prepare_kernels` has prepared and a chip enter, a code
object leaves.
"""

from mlrift.backends.amdgcn.chips import Chip, Generation
from mlrift.backends.amdgcn.codeobject.model import (
    ArgumentKind,
    CodeObject,
    KernelArgument,
    KernelImage,
    SourceLine,
)
from mlrift.backends.amdgcn.errors import KernelError
from mlrift.backends.amdgcn.facts import KernelFacts
from mlrift.backends.amdgcn.finish import finish
from mlrift.backends.amdgcn.finished import FinishedKernel
from mlrift.backends.amdgcn.kernel_facts import kernel_facts
from mlrift.backends.amdgcn.selection.inputs import Inputs
from mlrift.backends.amdgcn.selection.select import select
from mlrift.ir.analysis.control_flow import incoming_edges
from mlrift.ir.core import BlockParameter, Function, Linkage, Module, Value
from mlrift.ir.ops.arith import Add, Sub
from mlrift.ir.ops.atomic import AtomicCompareExchange, AtomicLoad, AtomicStore, AtomicUpdate
from mlrift.ir.ops.device import (
    AtomicAdd,
    AtomicExchangeIf,
    FragmentLoad,
    FragmentLoadSum,
    FragmentStore,
    GridBarrier,
)
from mlrift.ir.ops.memory import Load, Store, VolatileLoad, VolatileStore
from mlrift.ir.ops.vector_memory import VectorLoad, VectorStore
from mlrift.typesystem import I64
from mlrift.values import record

_SCRATCH_SGPRS = 2
_KERNARG_ALIGN = 8
_ACCESSES = (
    Load,
    Store,
    VolatileLoad,
    VolatileStore,
    VectorLoad,
    VectorStore,
    AtomicAdd,
    AtomicExchangeIf,
    AtomicLoad,
    AtomicStore,
    AtomicUpdate,
    AtomicCompareExchange,
    FragmentLoad,
    FragmentLoadSum,
    FragmentStore,
)


@record
class CompiledKernel:
    """A kernel's image, and what was known on the way to it."""

    image: KernelImage
    finished: FinishedKernel


def compile_kernels(module: Module, chip: Chip) -> CodeObject:
    """Return the code object of a module's kernels; raises `KernelError`."""
    kernels = [row for row in module.functions.values() if row.linkage is Linkage.EXPORTED]
    return CodeObject(chip, tuple(compile_kernel(row, chip).image for row in kernels))


def compile_kernel(function: Function, chip: Chip) -> CompiledKernel:
    """Compile one kernel for a chip."""
    return compile_with_facts(function, kernel_facts(function), chip)


def compile_with_facts(function: Function, facts: KernelFacts, chip: Chip) -> CompiledKernel:
    """Compile one kernel whose facts, which are the same for all chips, are known."""
    selected = select(function, facts, chip)
    finished = finish(selected.function, chip)
    inputs = selected.inputs
    arguments = _arguments(function, inputs)
    end = max((row.offset + row.size for row in arguments), default=0)
    scratch = finished.scratch_bytes
    extra = _SCRATCH_SGPRS if scratch and chip.generation is Generation.GFX10 else 0
    image = KernelImage(
        name=function.name,
        code=finished.code,
        arguments=arguments,
        kernarg_bytes=-(-end // _KERNARG_ALIGN) * _KERNARG_ALIGN if inputs.has_arguments else 0,
        lds_bytes=finished.lds_bytes,
        scratch_bytes=scratch,
        registers_scalar=finished.scalar,
        registers_vector=finished.vector,
        spilled_scalar=finished.spilled_scalar,
        spilled_vector=finished.spilled_vector,
        user_sgprs=inputs.user_sgprs + extra,
        group_ids=inputs.group_axes,
        local_ids=inputs.local_axes,
        required_group=inputs.required,
        lines=_lines(finished),
    )
    return CompiledKernel(image, finished)


def _lines(finished: FinishedKernel) -> tuple[SourceLine, ...]:
    found: list[SourceLine] = []
    for offset, span in finished.lines:
        row = SourceLine(offset, span.file.path, span.line)
        if not found or (found[-1].path, found[-1].line) != (row.path, row.line):
            found.append(row)
    return tuple(found)


def _arguments(function: Function, inputs: Inputs) -> tuple[KernelArgument, ...]:
    """Return the explicit arguments and those hidden ones that the kernel reads."""
    pointers = _pointers(function)
    explicit = [
        KernelArgument(
            row.parameter.name,
            _type_name(row.parameter),
            ArgumentKind.GLOBAL_BUFFER if row.parameter in pointers else ArgumentKind.BY_VALUE,
            row.offset,
            row.size,
        )
        for row in inputs.layout.explicit
    ]
    return (*explicit, *inputs.layout.hidden(inputs.hidden))


def _type_name(parameter: BlockParameter) -> str:
    return "uint64" if parameter.type is I64 else parameter.type.value


def _pointers(function: Function) -> set[Value]:
    """Return what addresses are made of: sums, parameters of blocks and of the kernel."""
    incoming = incoming_edges(function.blocks)
    homes = {row: block for block in function.blocks for row in block.parameters}
    found: set[Value] = set()
    work: list[Value] = []
    for made in function.ops():
        if isinstance(made, _ACCESSES):
            work.append(made.address)
        elif isinstance(made, GridBarrier):
            work.append(made.counter)
    while work:
        value = work.pop()
        if value in found:
            continue
        found.add(value)
        if isinstance(value, Add | Sub):
            work += [value.lhs, value.rhs]
        elif isinstance(value, BlockParameter):
            block = homes[value]
            position = block.parameters.index(value)
            work += [edge.arguments[position] for _, edge in incoming[block]]
    return found


__all__ = ["CompiledKernel", "KernelError", "compile_kernel", "compile_kernels"]
