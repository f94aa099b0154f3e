"""The control flow of a function as `if`, `for (;;)` and `while`, with `goto` for what is left.

A function in, the lines of its body out. Blocks follow the dominator tree: a block with one way in
stands where that way ends, one where ways meet stands behind all that it is dominated by, and what
is reached from inside a loop but is no part of it stands behind the loop.
"""

from mlrift.backends.hip.names import bare
from mlrift.backends.hip.statements import Writer
from mlrift.ir.analysis.control_flow import predecessors
from mlrift.ir.analysis.dominance import Dominators
from mlrift.ir.analysis.loops import Loop, natural_loops
from mlrift.ir.core import Block, Function, Successor, Value
from mlrift.ir.ops.control import Branch, Jump, Return
from mlrift.values import value

_INDENT = "    "


@value
class _Around:
    """Where lines stand: the block that follows them, the loop they are in and what follows it."""

    following: Block | None
    loop: Loop | None = None
    after_loop: Block | None = None


class Body:
    """Builds the lines of one function's body."""

    def __init__(self, function: Function, writer: Writer) -> None:
        self.writer = writer
        self.lines: list[str] = []
        skip_empty_blocks(function)
        self._tree = Dominators(function)
        self._loops = {row.header: row for row in natural_loops(function, self._tree)}
        before = predecessors(self._tree.order)
        rank = {block: number for number, block in enumerate(self._tree.order)}
        self._later: dict[Block, list[Block]] = {block: [] for block in self._tree.order}
        self._apart: set[Block] = set()
        for block in self._tree.order[1:]:
            parent = self._tree.parent(block)
            assert parent is not None
            forward = [row for row in before[block] if rank[row] < rank[block]]
            forward = [row for row in forward if not self._returns_from_loop(row, block)]
            if not forward:
                continue
            left = self._outermost_left(parent, block)
            if len(forward) > 1 or left is not None:
                self._later[left or parent].append(block)
                self._apart.add(block)
        self._labels = {block: f"L{number}" for number, block in enumerate(self._tree.order)}
        self._used_labels: set[Block] = set()

    def build(self) -> list[str]:
        """Return the lines."""
        self._tree_of(self._tree.order[0], _Around(None), 1)
        used = {f"{self._labels[block]}:;" for block in self._used_labels}
        is_label = [line.strip().endswith(":;") for line in self.lines]
        return [
            line
            for line, label in zip(self.lines, is_label, strict=True)
            if not label or line.strip() in used
        ]

    def _returns_from_loop(self, source: Block, target: Block) -> bool:
        """Return whether an edge stands as a `return` where it is: inside of a loop's body."""
        is_inside = self._outermost_left(source, target) is not None
        return _only_returns(target) and source not in self._loops and is_inside

    def _outermost_left(self, parent: Block, block: Block) -> Block | None:
        """Return the header of the largest loop that `parent` is in and `block` is not."""
        around = [row for row in self._loops.values() if parent in row.blocks]
        left = [row for row in around if block not in row.blocks]
        return max(left, key=lambda row: len(row.blocks)).header if left else None

    def _tree_of(self, block: Block, around: _Around, depth: int) -> None:
        """Add a block and all that it dominates."""
        loop = self._loops.get(block)
        inside = [row for row in self._later[block] if loop is not None and row in loop.blocks]
        behind = [row for row in self._later[block] if row not in inside]
        if loop is None:
            self._sequence(block, behind, around, depth)
            return
        following = behind[0] if behind else around.following
        start = len(self.lines)
        self._add("for (;;) {", depth)
        self._sequence(block, inside, _Around(block, loop, following), depth + 1)
        self._add("}", depth)
        self._make_while(start, depth)
        self._behind(behind, around, depth)

    def _sequence(self, block: Block, behind: list[Block], around: _Around, depth: int) -> None:
        following = behind[0] if behind else around.following
        self._block(block, _Around(following, around.loop, around.after_loop), depth)
        self._behind(behind, around, depth)

    def _behind(self, blocks: list[Block], around: _Around, depth: int) -> None:
        for position, block in enumerate(blocks):
            self._add(f"{self._labels[block]}:;", depth - 1)
            last = position + 1 == len(blocks)
            following = around.following if last else blocks[position + 1]
            self._tree_of(block, _Around(following, around.loop, around.after_loop), depth)

    def _block(self, block: Block, around: _Around, depth: int) -> None:
        self.writer.lines = []
        self.writer.write_block(block)
        self._take_lines(depth)
        end = block.terminator
        if isinstance(end, Jump):
            self._edge(block, end.target, around, depth)
        elif isinstance(end, Branch):
            self._branch(block, end, around, depth)
        elif isinstance(end, Return):
            self._return(end.values, around, depth)
        else:
            self._add("__builtin_trap();", depth)

    def _branch(self, block: Block, end: Branch, around: _Around, depth: int) -> None:
        condition = self.writer(end.condition)
        self._take_lines(depth)
        at = len(self.lines)
        self._edge(block, end.if_true, around, depth + 1)
        first = self.lines[at:]
        del self.lines[at:]
        self._edge(block, end.if_false, around, depth + 1)
        second = self.lines[at:]
        del self.lines[at:]
        ends_early = second and _leaves(second[-1]) and len(second) <= len(first)
        if ends_early or not first:
            condition, first, second = negated(condition), second, first
        if not first:
            return
        self._add(f"if ({bare(condition)}) {{", depth)
        self.lines += first
        if second and _leaves(first[-1]):
            self._add("}", depth)
            self.lines += [line.removeprefix(_INDENT) for line in second]
            return
        if second:
            self._add("} else {", depth)
            self.lines += second
        self._add("}", depth)

    def _edge(self, source: Block, edge: Successor, around: _Around, depth: int) -> None:
        target = edge.block
        self.writer.assign(list(zip(target.parameters, edge.arguments, strict=True)))
        self._take_lines(depth)
        is_back = target in self._loops and self._is_around(target, around)
        if target is around.following:
            return
        if self._returns_from_loop(source, target):
            self._add("return;", depth)
            return
        if around.loop is not None and target is around.loop.header:
            self._add("continue;", depth)
        elif around.loop is not None and target is around.after_loop:
            self._add("break;", depth)
        elif target in self._apart or is_back:
            self._used_labels.add(target)
            self._add(f"goto {self._labels[target]};", depth)
        else:
            self._tree_of(target, around, depth)

    def _is_around(self, header: Block, around: _Around) -> bool:
        """Return whether a block is the header of an outer loop."""
        inner = around.loop
        return inner is not None and inner.header in self._loops[header].blocks

    def _return(self, values: list[Value], around: _Around, depth: int) -> None:
        texts = [bare(self.writer(row)) for row in values]
        self._take_lines(depth)
        for number, text in enumerate(texts[1:], start=1):
            self._add(f"*result{number} = {text};", depth)
        if texts:
            self._add(f"return {texts[0]};", depth)
        elif around.following is not None or depth > 1:
            self._add("return;", depth)

    def _make_while(self, start: int, depth: int) -> None:
        """Turn a loop that begins with `if (done) { break; }` into a `while`."""
        lines = [row.strip() for row in self.lines[start + 1 : start + 4]]
        if len(lines) < 3 or not lines[0].startswith("if (") or lines[1:] != ["break;", "}"]:
            return
        condition = lines[0].removeprefix("if (").removesuffix(") {")
        self.lines[start : start + 4] = [f"{_INDENT * depth}while ({bare(negated(condition))}) {{"]

    def _take_lines(self, depth: int) -> None:
        for line in self.writer.lines:
            self._add(line, depth)
        self.writer.lines = []

    def _add(self, line: str, depth: int) -> None:
        self.lines.append(_INDENT * depth + line)


def skip_empty_blocks(function: Function) -> None:
    """Let edges to blocks that only jump go where these jump to."""
    for block in function.blocks:
        for edge in block.successors():
            seen = {edge.block}
            while not edge.arguments and _only_jumps(edge.block):
                onward = edge.block.terminator.successors()[0].block
                if onward in seen:
                    break
                seen.add(onward)
                edge.block = onward


def _only_jumps(block: Block) -> bool:
    end = block.ops[0]
    return isinstance(end, Jump) and not end.target.arguments and not end.target.block.parameters


def _only_returns(block: Block) -> bool:
    end = block.ops[0]
    return isinstance(end, Return) and not end.values


def _leaves(line: str) -> bool:
    return line.strip().startswith(("return", "break;", "continue;", "goto "))


def negated(condition: str) -> str:
    """Return the opposite of a condition."""
    if condition.startswith("!"):
        return condition[1:]
    return f"!({bare(condition)})"
