"""Barriers that some work items of a group may not reach: kernels as IR in, findings out.

A barrier is looked at where it stands after all calls are inlined. If a branch decides whether it
is reached, and the condition of that branch may differ between items, that is a mistake: those that
take the other way are waited for for ever.
"""

from mlrift.diagnostics import catalog
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.ir.analysis.calls import reached_functions
from mlrift.ir.analysis.control_flow import incoming_edges, reverse_postorder
from mlrift.ir.analysis.divergence import Divergence, Together
from mlrift.ir.clone import clone_function
from mlrift.ir.core import Block, Function, Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops import device
from mlrift.ir.ops.control import Branch
from mlrift.ir.passes.device_error import DeviceError
from mlrift.ir.passes.device_inline import inline_calls
from mlrift.ir.passes.device_shape import normalise_control_flow
from mlrift.ir.passes.promote_slots import promote_slots
from mlrift.ir.passes.remove_unreachable_blocks import remove_unreachable_blocks
from mlrift.source import Span

_WAITS: dict[type[Op], str] = {
    device.GroupBarrier: "a barrier",
    device.GridBarrier: "a barrier of the grid",
    device.GroupReduce: "a reduction over the group",
}
_SOURCES: dict[type[Op], str] = {
    device.LocalId: "this is another number for each work item",
    device.Lane: "this is another number for each lane",
    device.AtomicAdd: "each work item gets another number",
    device.AtomicExchangeIf: "each work item gets another number",
    device.LdsAdd: "each work item gets another number",
    device.Ballot: "each wave gets another number",
    device.WaveReduce: "each wave gets another number",
    device.Shuffle: "each wave gets another number",
}


def report_divergent_barriers(
    module: Module, kernels: list[Function], sink: DiagnosticSink
) -> None:
    """Report the barriers of kernels that stand under divergent conditions."""
    reported: set[Span | None] = set()
    for kernel in kernels:
        reached = reached_functions(module, kernel)
        if not any(type(made) in _WAITS for row in reached for made in row.ops()):
            continue
        try:
            whole = _whole(module, reached)
        except DeviceError:
            continue  # reported where the kernel is compiled
        for made, branch, source in _divergent_waits(whole):
            if made.span in reported:
                continue
            reported.add(made.span)
            diagnostic = catalog.DIVERGENT_BARRIER.at(made.span, what=_WAITS[type(made)])
            if branch.span is not None:
                diagnostic = diagnostic.label(branch.span, "this decides whether it is reached")
            if source is not None and source.span is not None:
                diagnostic = diagnostic.label(source.span, _SOURCES[type(source)])
            note = "every work item of a group must come to a barrier, or none"
            sink.emit(diagnostic.note(note))


def _whole(module: Module, reached: list[Function]) -> Function:
    """Return a copy of a kernel with all that it calls, in the form that analyses want."""
    copy = Module(module.name)
    for function in reached:
        made = copy.functions[function.name] = clone_function(function)
        remove_unreachable_blocks(made)
        promote_slots(made)
    whole = copy.functions[reached[0].name]
    inline_calls(copy, [whole])
    normalise_control_flow(whole)
    return whole


def _divergent_waits(function: Function) -> list[tuple[Op, Branch, Op | None]]:
    """Return barriers, the divergent branch above each, and what makes it divergent."""
    divergence = Divergence(function, Together.GROUP)
    after = _postdominators(function)
    found: list[tuple[Op, Branch, Op | None]] = []
    for block in reverse_postorder(function):
        for made in block.ops:
            if type(made) in _WAITS:
                above = _divergent_branch_above(block, divergence, after)
                if above is not None:
                    branch = above.ops[-1]
                    assert isinstance(branch, Branch)
                    found.append((made, branch, _source(branch.condition, divergence, function)))
    return found


def _divergent_branch_above(
    block: Block, divergence: Divergence, after: dict[Block, set[Block]]
) -> Block | None:
    """Return a divergent branch that decides, directly or not, whether a block is reached."""
    pending, seen = [block], {block}
    while pending:
        current = pending.pop()
        for other, behind in after.items():
            ways = other.successors()
            if len(ways) < 2 or other in seen:
                continue
            decides = any(current in after[edge.block] for edge in ways)
            if decides and (current is other or current not in behind):
                if other in divergence.branches:
                    return other
                seen.add(other)
                pending.append(other)
    return None


def _postdominators(function: Function) -> dict[Block, set[Block]]:
    """Return for every block the blocks on every way from it to the end, itself included."""
    order = reverse_postorder(function)[::-1]
    everything = set(order)
    found = {block: set(everything) for block in order}
    changed = True
    while changed:
        changed = False
        for block in order:
            ways = [found[edge.block] for edge in block.successors()]
            now = (set.intersection(*ways) if ways else set()) | {block}
            if now != found[block]:
                found[block] = now
                changed = True
    return found


def _source(condition: Value, divergence: Divergence, function: Function) -> Op | None:
    """Return what a divergent value is made of that differs between items."""
    incoming = incoming_edges(function.blocks)
    homes = {row: block for block in function.blocks for row in block.parameters}
    pending, seen = [condition], {condition}
    while pending:
        value = pending.pop(0)
        if isinstance(value, Op):
            if type(value) in _SOURCES:
                return value
            made_of = list(value.operands())
        else:
            block = homes[value]  # type: ignore[index]  # what is no op is a parameter
            place = block.parameters.index(value)  # type: ignore[arg-type]
            made_of = [edge.arguments[place] for _, edge in incoming[block]]
        for row in made_of:
            if row in divergence.values and row not in seen:
                seen.add(row)
                pending.append(row)
    return None
