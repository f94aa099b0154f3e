"""The ends and beginnings of blocks: branches of the wave, EXEC, and copies over edges.

Copies over an edge happen at the end of the block that it leaves, under the EXEC of that block. A
parameter that lanes may set at different times keeps what other lanes have put there.
"""

from itertools import pairwise

from mlrift.backends.amdgcn.isa.instruction import Access, Inline
from mlrift.backends.amdgcn.isa.registers import EXEC
from mlrift.backends.amdgcn.mir import BlockTarget, MachineOperand, VirtualRegister
from mlrift.backends.amdgcn.selection.compare import (
    Kept,
    mask_source,
    narrow_exec,
    sole_comparison,
    test,
)
from mlrift.backends.amdgcn.selection.emitter import dwords_of, is_vector, part_of
from mlrift.backends.amdgcn.selection.flow import BlockPlan, Edge, Entry
from mlrift.backends.amdgcn.selection.selector import Home, Selector
from mlrift.ir.core import Block, BlockParameter, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.control import Branch, Jump
from mlrift.typesystem import I64
from mlrift.values import field, record

_Pair = tuple[MachineOperand, MachineOperand, Access]


@record
class Masks:
    """The scalar registers of control: of a block's mask, saved EXEC, and condition."""

    of_block: dict[Block, VirtualRegister] = field(default_factory=dict)
    saved: dict[Block, VirtualRegister] = field(default_factory=dict)
    condition: dict[Block, MachineOperand] = field(default_factory=dict)
    opened: dict[Block, list[Block]] = field(default_factory=dict)
    """Blocks whose masks (and parameters' lives) begin at the end of a block."""


class Control:
    """Selects what is between blocks."""

    def __init__(self, selector: Selector) -> None:
        self.selector = selector
        self.flow = selector.flow
        self.masks = Masks()
        order = self.flow.order
        self.numbers = {block: number for number, block in enumerate(order)}
        self.following = dict(pairwise(order))
        self._writers = self._first_writers()
        self._read_behind: set[Value] = set()
        self._share_registers()
        for block in order:
            plan = self.flow.plans[block]
            if plan.saves:
                self.masks.saved[block] = selector.scalar()
            if plan.entry in (Entry.ADD, Entry.TAKE):
                self.masks.of_block[block] = selector.scalar()
            if plan.mask_home is not None and plan.is_linear:
                self.masks.opened.setdefault(plan.mask_home, []).append(block)

    def _first_writers(self) -> dict[Block, Block]:
        """Return for every block which one, in the order of the code, first sets its parameters."""
        found: dict[Block, Block] = {}
        for block in self.flow.order:
            for edge in self.flow.plans[block].edges:
                found.setdefault(edge.target, block)
        return found

    def _share_registers(self) -> None:
        """Let parameters that one edge alone sets have the registers of their arguments.

        Lanes that leave a loop keep what their vector registers have: further iterations write
        those of other lanes.
        """
        counts: dict[Block, int] = {}
        for block in self.flow.order:
            for edge in self.flow.plans[block].edges:
                counts[edge.target] = counts.get(edge.target, 0) + 1
        selector = self.selector
        for block in self.flow.order:
            for edge in self.flow.plans[block].edges:
                if counts[edge.target] > 1:
                    continue
                for parameter, argument in edge.copies:
                    if self._may_share(parameter, argument):
                        root = selector.aliases.get(argument, argument)
                        selector.aliases[parameter] = root
                        if self.flow.plans[edge.target].is_linear:
                            self._read_behind.add(root)

    def _may_share(self, parameter: BlockParameter, argument: Value) -> bool:
        selector = self.selector
        if isinstance(argument, Constant):
            return False
        return selector.home(parameter) is selector.home(argument) and (
            selector.size_of(parameter) == selector.size_of(argument)
        )

    # beginnings

    def enter(self, block: Block) -> None:
        """Append the label of a block and what makes its EXEC."""
        selector, plan = self.selector, self.flow.plans[block]
        selector.loop_depth = self.flow.depth[block]
        selector.label(self.numbers[block])
        match plan.entry:
            case Entry.RESTORE:
                selector.emit("s_mov_b32", EXEC, self._saved(plan))
            case Entry.REST:
                assert plan.home is not None
                operation = "s_and_b32" if plan.takes_true else "s_and_not1_b32"
                condition = self._condition(plan.home)
                selector.emit(operation, EXEC, self._saved(plan), condition)
            case Entry.ADD:
                selector.emit("s_or_b32", EXEC, EXEC, self.masks.of_block[block])
            case Entry.TAKE:
                selector.emit("s_mov_b32", EXEC, self.masks.of_block[block])
            case Entry.KEEP | Entry.NOTHING:
                pass
        if plan.skip is not None:
            selector.emit("s_cbranch_execz", BlockTarget(self.numbers[plan.skip]))
            selector.label(selector.new_block())

    def _saved(self, plan: BlockPlan) -> VirtualRegister:
        assert plan.home is not None
        return self.masks.saved[plan.home]

    def _condition(self, block: Block) -> MachineOperand:
        """Return the mask of a divergent branch; it is demanded before the branch is selected."""
        known = self.masks.condition.get(block)
        if known is None:
            end = block.ops[-1]
            assert isinstance(end, Branch)
            if self.selector.home(end.condition) is Home.MASK and not isinstance(
                end.condition, Constant
            ):
                known = self.selector.place(end.condition)
            else:
                known = self.selector.scalar()
            self.masks.condition[block] = known
        return known

    # ends

    def leave(self, block: Block) -> None:
        """Append the copies and branches at the end of a block."""
        plan, end = self.flow.plans[block], block.ops[-1]
        self.selector.span = end.span
        self._open(block)
        if isinstance(end, Branch):
            self._branch(block, plan, end)
        elif isinstance(end, Jump):
            self._copy(block, plan.edges)
            self._save(block)
            self._move(block, plan.edges[0], self.following.get(block))
        else:
            self.selector.emit("s_endpgm", 0)

    def _branch(self, block: Block, plan: BlockPlan, end: Branch) -> None:
        first, second = plan.edges
        if first.target is second.target and self.flow.is_divergent(block):
            self._copy(block, [first])
            self._move(block, first, self.following.get(block))
        elif self.flow.is_divergent(block):
            if self._narrow(block, plan, end.condition):
                return
            condition = self._divergent_condition(block, end.condition)
            self._copy(block, plan.edges)
            self._divide(block, plan, condition)
        else:
            self._copy(block, plan.edges)
            self._choose(block, plan, end.condition)

    def _narrow(self, block: Block, plan: BlockPlan, condition: Value) -> bool:
        """Let a comparison set EXEC where the lanes that do not go on need not be noted."""
        if block in self.masks.saved or block in self.masks.condition:
            return False
        following = plan.edges[0].next
        entries = [self.flow.plans[edge.target].entry for edge in plan.edges]
        going = [edge.target is following for edge in plan.edges]
        if sum(going) != 1 or entries[going.index(True)] is Entry.TAKE:
            return False
        if entries[going.index(False)] not in (Entry.NOTHING, Entry.RESTORE):
            return False
        compared = sole_comparison(self.selector, condition)
        if compared is None:
            return False
        self._copy(block, plan.edges)
        narrow_exec(self.selector, compared, Kept.TRUE if going[0] else Kept.FALSE)
        self._go(following, self.following.get(block))
        return True

    def _divergent_condition(self, block: Block, value: Value) -> MachineOperand:
        selector = self.selector
        condition = self._condition(block)
        if isinstance(value, Constant) or selector.home(value) is not Home.MASK:
            selector.copy(condition, mask_source(selector, value))
        return condition

    def _divide(self, block: Block, plan: BlockPlan, condition: MachineOperand) -> None:
        """Send lanes two ways: those that go on later are noted, EXEC is that of the next block."""
        selector = self.selector
        following = plan.edges[0].next
        kept: str | None = None
        for edge, operation in zip(plan.edges, ("s_and_b32", "s_and_not1_b32"), strict=True):
            entry = self.flow.plans[edge.target].entry
            if edge.target is following and entry is not Entry.TAKE:
                kept = operation
            elif entry in (Entry.ADD, Entry.TAKE):
                self._note(block, edge.target, (operation, condition))
        saves = self.masks.saved.get(block)
        if kept is None:
            self._save(block)
        elif saves is None:
            selector.emit(kept, EXEC, EXEC, condition)
        elif kept == "s_and_b32":
            selector.emit("s_and_saveexec_b32", saves, condition)
        else:
            selector.emit("s_and_not0_saveexec_b32", saves, condition)
        self._go(following, self.following.get(block))

    def _note(self, block: Block, target: Block, lanes: tuple[str, MachineOperand] | None) -> None:
        """Put lanes (all, or those by a condition) into the mask of a block."""
        selector, mask = self.selector, self.masks.of_block[target]
        begins = self._begins(block, target)
        if lanes is None:
            if begins:
                selector.emit("s_mov_b32", mask, EXEC)
            else:
                selector.emit("s_or_b32", mask, mask, EXEC)
            return
        operation, condition = lanes
        part = mask if begins else selector.scalar()
        selector.emit(operation, part, EXEC, condition)
        if not begins:
            selector.emit("s_or_b32", mask, mask, part)

    def _save(self, block: Block) -> None:
        saved = self.masks.saved.get(block)
        if saved is not None:
            self.selector.emit("s_mov_b32", saved, EXEC)

    def _choose(self, block: Block, plan: BlockPlan, condition: Value) -> None:
        """Branch with the whole wave."""
        selector = self.selector
        first, second = plan.edges
        following = self.following.get(block)
        truth = test(selector, condition)
        if self._is_plain(first) and self._is_plain(second):
            if first.next is following:
                selector.emit(truth.branch_if_false, BlockTarget(self.numbers[second.next]))
                return
            selector.emit(truth.branch_if_true, BlockTarget(self.numbers[first.next]))
            selector.label(selector.new_block())
            self._go(second.next, following)
            return
        other = selector.new_block()
        selector.emit(truth.branch_if_false, BlockTarget(other))
        selector.label(selector.new_block())
        self._move(block, first, None)
        selector.label(other)
        self._move(block, second, following)

    def _is_plain(self, edge: Edge) -> bool:
        """Whether a wave that goes over an edge changes no mask."""
        entry = self.flow.plans[edge.target].entry
        if entry is Entry.TAKE:
            return False
        return entry is not Entry.ADD or edge.next is edge.target

    def _move(self, block: Block, edge: Edge, following: Block | None) -> None:
        """Send all lanes over an edge."""
        if not self._is_plain(edge):
            self._note(block, edge.target, None)
        self._go(edge.next, following)

    def _go(self, target: Block, following: Block | None) -> None:
        if target is not following:
            self.selector.emit("s_branch", BlockTarget(self.numbers[target]))

    def _open(self, block: Block) -> None:
        """Begin the lives of masks and of parameters that lanes set at different times."""
        for target in self.masks.opened.get(block, ()):
            first = self._writers.get(target)
            if first is not block:
                for parameter in target.parameters:
                    if self.selector.uses.get(parameter) and self._is_new(parameter, block):
                        self.selector.undefined(self.selector.place(parameter))
            mask = self.masks.of_block.get(target)
            if mask is not None and not self._is_noted(block, target):
                self.selector.emit("s_mov_b32", mask, Inline(0))

    def _is_new(self, parameter: BlockParameter, block: Block) -> bool:
        """Whether a parameter's register has nothing yet at the end of a block."""
        root = self.selector.aliases.get(parameter)
        if root is None:
            return True
        return not self.flow.dominators.dominates(self.selector.blocks[root], block)

    def _begins(self, block: Block, target: Block) -> bool:
        """Whether lanes from a block are the first in a mask whatever way the wave goes on."""
        if block is not self.flow.plans[target].mask_home:
            return False
        return self.flow.is_divergent(block) or isinstance(block.ops[-1], Jump)

    def _is_noted(self, block: Block, target: Block) -> bool:
        """Whether lanes go from a block into a mask, which is set by that."""
        if not self._begins(block, target):
            return False
        for edge in self.flow.plans[block].edges:
            if edge.target is target:
                entry = self.flow.plans[target].entry
                return entry is Entry.TAKE or edge.next is not target
        return False

    # copies

    def _copy(self, block: Block, edges: list[Edge]) -> None:
        pairs: list[_Pair] = []
        for edge in edges:
            access = Access.WRITE
            if self.flow.plans[edge.target].is_linear and self._writers[edge.target] is not block:
                access = Access.BOTH
            for parameter, argument in edge.copies:
                if parameter in self.selector.aliases:
                    continue
                if parameter in self._read_behind:
                    pairs += self._pairs(parameter, argument, self._latched(block, edge))
                    continue
                if access is Access.BOTH and self._define_there(block, parameter, argument):
                    continue
                pairs += self._pairs(parameter, argument, access)
        self.selector.copies([row for row in pairs if row[0] != row[1]])

    def _latched(self, block: Block, edge: Edge) -> Access:
        """Return how a parameter is set that lanes which have left its loop still need."""
        is_back = self.flow.position[edge.target] <= self.flow.position[block]
        if is_back or self._writers[edge.target] is not block:
            return Access.BOTH
        return Access.WRITE

    def _define_there(self, block: Block, parameter: BlockParameter, argument: Value) -> bool:
        """Let the op that makes an argument write the parameter's register, if nobody else wants
        the value. Other lanes keep what they have there.
        """
        selector = self.selector
        if not isinstance(argument, Op) or isinstance(argument, Constant):
            return False
        if selector.blocks[argument] is not block or selector.uses.get(argument) != 1:
            return False
        if argument in selector.places or selector.home(argument) is not Home.VECTOR:
            return False
        if not self._may_share(parameter, argument) or self._is_header(parameter, block):
            return False
        selector.places[argument] = selector.place(parameter)
        selector.keeps_lanes.add(argument)
        return True

    def _is_header(self, parameter: BlockParameter, block: Block) -> bool:
        """Whether the parameter may already have a value that matters in a block."""
        return self.flow.dominators.dominates(self.selector.blocks[parameter], block)

    def _pairs(self, parameter: BlockParameter, argument: Value, access: Access) -> list[_Pair]:
        selector = self.selector
        target = selector.place(parameter)
        if selector.home(parameter) is Home.FLAG:
            return [(target, self._flag(argument), access)]
        if selector.home(parameter) is Home.TRUTH:
            return [(target, selector.word(argument), Access.WRITE)]
        if not is_vector(target):
            access = Access.WRITE
        size = dwords_of(target)
        if size == 1:
            return [(target, selector.word(argument), access)]
        if isinstance(argument, Constant) or self._is_extended(argument):
            low, high = selector.words(argument)
            return [
                (part_of(target, 0), low, access),
                (part_of(target, 1), high, access),
            ]
        return [(target, selector.place(argument), access)]

    def _is_extended(self, argument: Value) -> bool:
        return argument.type is I64 and self.selector.size_of(argument) == 1

    def _flag(self, argument: Value) -> MachineOperand:
        """Return a divergent truth value as 0 or 1 in a vector register."""
        selector = self.selector
        if isinstance(argument, Constant) or selector.home(argument) in (Home.FLAG, Home.TRUTH):
            return selector.word(argument)
        made = selector.vector()
        selector.valu("v_cndmask_b32", made, Inline(0), Inline(1), selector.place(argument))
        return made
