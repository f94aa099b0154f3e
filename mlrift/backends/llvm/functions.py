"""One IR function to the text of one LLVM function.

Blocks are written in reverse post order, so a value's definition precedes its uses in the text;
block parameters become phis, written last, when the labels and names of all edges are known.
"""

from collections.abc import Callable, Container

from mlrift.backends.errors import BackendError
from mlrift.backends.llvm.addresses import AddressPlan, plan_addresses
from mlrift.backends.llvm.debug import FunctionDebug
from mlrift.backends.llvm.options import OptimisationLevel
from mlrift.backends.llvm.text import DIVISION_STATUS, TRAP_LABEL, FunctionText, ModuleContext
from mlrift.backends.llvm.types import VALUE_TYPE, result_type
from mlrift.ir.core import Block, BlockParameter, Function, Successor, Value
from mlrift.ir.op import Op
from mlrift.static_types import Any

EXIT_FUNCTION = "os.exit"
ENTRY_LABEL = "entry"

Edges = dict[Block, list[tuple[Block, Successor]]]
RuleTable = dict[type[Op], Callable[[FunctionText, Any], None]]


class _Everything:
    """A container of all values: without optimisation every value gets its word."""

    def __contains__(self, _value: object) -> bool:
        return True


_EVERYTHING = _Everything()


def function_body(
    context: ModuleContext,
    function: Function,
    table: RuleTable,
    debug: FunctionDebug | None,
) -> list[str]:
    """Return the lines between the braces."""
    order, incoming = reachable_blocks(function)
    words: Container[Value] = _EVERYTHING
    plan = AddressPlan()
    if context.options.level is not OptimisationLevel.NONE:
        plan = plan_addresses(order, incoming, context.pointer_functions, function.name)
        words = plan.words
    out = FunctionText(context, function, words, plan, debug)
    return _Writer(out, order, incoming, table).write()


def reachable_blocks(function: Function) -> tuple[list[Block], Edges]:
    """Return the blocks in reverse post order, and the edges into each of them."""
    entry = function.blocks[0]
    incoming: Edges = {entry: []}
    finished: list[Block] = []
    first = entry.ops[-1].successors()
    stack = [(entry, iter(first[::-1]))]
    while stack:
        block, edges = stack[-1]
        for edge in edges:
            target = edge.block
            if target not in incoming:
                incoming[target] = []
                onward = target.ops[-1].successors()
                stack.append((target, iter(onward[::-1])))
                break
        else:
            finished.append(block)
            stack.pop()
    for block in finished:
        for edge in block.ops[-1].successors():
            incoming[edge.block].append((block, edge))
    finished.reverse()
    return finished, incoming


class _Writer:
    """Writes the blocks of one function."""

    def __init__(
        self,
        out: FunctionText,
        order: list[Block],
        incoming: Edges,
        table: RuleTable,
    ) -> None:
        self.out = out
        self.order = order
        self.incoming = incoming
        self.table = table
        self.entry = order[0]
        self.phis: list[tuple[int, BlockParameter, Block, int]] = []

    def write(self) -> list[str]:
        out = self.out
        is_target = bool(self.incoming[self.entry])
        arguments = [f"%{index}" for index in range(len(self.entry.parameters))]
        out.next_number = len(arguments)
        for index, block in enumerate(self.order):
            out.labels[block] = f"b{index}" if index or is_target else ENTRY_LABEL
        for block in self.order:
            out.block = block
            if block is not self.entry or is_target:
                out.begin_block(out.labels[block])
                self._begin_phis(block)
            else:
                out.label = ENTRY_LABEL
                self._bind_arguments(arguments)
            self._write_ops(block)
            out.exit_labels[block] = out.label
        for row in self.phis:
            out.lines[row[0]] = self._phi(*row[1:], arguments)
        if out.has_trap:
            self._write_trap()
        lead = [f"{ENTRY_LABEL}:", *out.allocas, *self._declared_variables()]
        if is_target:
            lead.append(f"  br label %{out.labels[self.entry]}")
        return lead + out.lines

    def _declared_variables(self) -> list[str]:
        return self.out.debug.variables if self.out.debug is not None else []

    def _bind_arguments(self, arguments: list[str]) -> None:
        out = self.out
        for parameter, name in zip(self.entry.parameters, arguments, strict=True):
            out.names[parameter] = name
        for parameter in self.entry.parameters:
            if parameter in out.pointer_demand:
                out.define_pointer(parameter, f"inttoptr i64 {out.names[parameter]} to ptr")

    def _write_ops(self, block: Block) -> None:
        out, table, debug = self.out, self.table, self.out.debug
        demand, pointers = out.pointer_demand, out.pointers
        out.enter_loops(block)
        for made in block.ops:
            if debug is not None:
                out.suffix = debug.suffix(made) + out.access
            table[type(made)](out, made)
            if made in demand and made not in pointers and made in out.names:
                out.define_pointer(made, f"inttoptr i64 {out.names[made]} to ptr")
        if block in out.latches:
            out.lines[-1] += out.latches[block]

    def _begin_phis(self, block: Block) -> None:
        """Reserve a line and a name for every parameter that is used, then derive other forms."""
        out = self.out
        for index, parameter in enumerate(block.parameters):
            names = out.pointers if parameter in out.bases else out.names
            names[parameter] = f"%{out.next_number}"
            out.next_number += 1
            self.phis.append((len(out.lines), parameter, block, index))
            out.lines.append("")
        for parameter in block.parameters:
            if parameter in out.bases:
                if parameter in out.word_demand:
                    out.define(parameter, f"ptrtoint ptr {out.pointers[parameter]} to i64")
            elif parameter in out.pointer_demand:
                out.define_pointer(parameter, f"inttoptr i64 {out.names[parameter]} to ptr")

    def _phi(
        self, parameter: BlockParameter, block: Block, index: int, arguments: list[str]
    ) -> str:
        out = self.out
        is_pointer = parameter in out.bases
        rows = []
        if block is self.entry:
            rows.append(f"[ {arguments[index]}, %{ENTRY_LABEL} ]")
        for source, edge in self.incoming[block]:
            value = edge.arguments[index]
            text = out.pointer(value) if is_pointer else out.names[value]
            label = out.edge_labels.get(edge) or out.exit_labels[source]
            rows.append(f"[ {text}, %{label} ]")
        kind = "ptr" if is_pointer else VALUE_TYPE[parameter.type]
        name = (out.pointers if is_pointer else out.names)[parameter]
        return f"  {name} = phi {kind} {', '.join(rows)}"

    def _write_trap(self) -> None:
        """The block that all failed division checks share."""
        out = self.out
        context = out.context
        if out.debug is not None:
            out.suffix = out.debug.function_suffix
        called = context.module.called_at_trap or EXIT_FUNCTION
        known = context.module.functions.get(called)
        results = known.results if known is not None else ()
        if known is not None and len(known.parameters) != 1:
            raise BackendError(f"`{called}` must take one word")
        context.declare_runtime(called, "void", "i64")
        out.begin_block(TRAP_LABEL)
        out.emit(f"call {result_type(results)} @{called}(i64 {DIVISION_STATUS}) noreturn cold")
        out.emit("unreachable")
