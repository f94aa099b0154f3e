"""Loops whose iterations are independent: metadata on their instructions and back edges.

Enters: the op in the header, which is written before the other blocks of its loop. Leaves: an
access group on every instruction of the loop (LLVM drops what an instruction has no use for), and
`llvm.loop` on the jumps back to the header. Inner loops keep the groups of those around them.

LLVM reorders a sum of floats when it is told to vectorise, so it is only told to where no float
goes round the loop.
"""

from mlrift.backends.llvm.options import OptimisationLevel
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.rules import Rules
from mlrift.ir.analysis.loops import Loop, natural_loops
from mlrift.ir.core import Block
from mlrift.ir.ops.loop import IndependentIterations, Vectorising
from mlrift.typesystem import F32, F64

RULES: Rules[FunctionText] = Rules("llvm")

_PREFIX = ", !llvm.access.group "


@RULES.rule(IndependentIterations)
def lower_independent(out: FunctionText, made: IndependentIterations) -> None:
    """Mark the loop that begins with this block; nothing where there is none."""
    if out.context.options.level is OptimisationLevel.NONE:
        return
    loop = next((row for row in natural_loops(out.function) if row.header is out.block), None)
    if loop is None:
        return
    context = out.context
    group = context.add_metadata("distinct !{}")
    for block in loop.blocks:
        out.access_groups[block] = _with_group(out, out.access_groups.get(block, ""), group)
    parallel = context.add_metadata(f'!{{!"llvm.loop.parallel_accesses", {group}}}')
    nodes = [parallel, *_hints(out, loop, made.vectorising)]
    reference = context.add_metadata("")
    context.metadata[-1] = f"{reference} = distinct !{{{', '.join([reference, *nodes])}}}"
    for block in loop.blocks:
        if any(edge.block is loop.header for edge in block.successors()):
            out.latches[block] = f", !llvm.loop {reference}"
    out.enter_loops(out.block)


def _with_group(out: FunctionText, suffix: str, group: str) -> str:
    """Return the suffix of a block that is in one loop more."""
    if not suffix:
        return _PREFIX + group
    known = suffix.removeprefix(_PREFIX)
    lists = out.context.group_lists
    groups = [*lists.get(known, [known]), group]
    text = f"!{{{', '.join(groups)}}}"
    reference = out.context.add_metadata(text)
    lists[reference] = groups
    return _PREFIX + reference


def _hints(out: FunctionText, loop: Loop, vectorising: Vectorising) -> list[str]:
    if vectorising is Vectorising.AUTOMATIC:
        return []
    if vectorising is Vectorising.ALWAYS and _carries_float(loop.header):
        return []
    text = "true" if vectorising is Vectorising.ALWAYS else "false"
    return [out.context.add_metadata(f'!{{!"llvm.loop.vectorize.enable", i1 {text}}}')]


def _carries_float(header: Block) -> bool:
    return any(row.type in (F32, F64) for row in header.parameters)
