"""Facts about control flow, against definitions applied by brute force."""

from random import Random

import pytest

from mlrift.ir.analysis.control_flow import incoming_edges, predecessors, reverse_postorder
from mlrift.ir.analysis.dominance import Dominators
from mlrift.ir.analysis.liveness import live_on_entry
from mlrift.ir.analysis.loops import loop_depths, natural_loops
from mlrift.ir.analysis.uses import count_uses, users
from mlrift.ir.core import Block, Function, Successor
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.control import Branch, Jump, Return
from mlrift.ir.text import parse_module
from mlrift.typesystem import I1

NESTED = """function @f(%n : i64) -> i64 {
^entry:
  %zero = arith.constant 0 : i64
  control.jump ^outer(%zero)
^outer(%i : i64):
  %c = compare.integer ult %i, %n
  control.branch %c, ^inner(%i), ^end
^inner(%j : i64):
  %k = arith.add %j, %j
  %d = compare.integer ult %k, %n
  control.branch %d, ^inner(%k), ^next
^next:
  control.jump ^outer(%k)
^end:
  control.return %i
}
"""


def nested() -> tuple[Function, dict[str, Block]]:
    function = parse_module(NESTED).functions["f"]
    return function, {block.name: block for block in function.blocks}


def random_graph(seed: int) -> Function:
    random = Random(seed)
    blocks = [Block(f"b{number}") for number in range(2 + random.randrange(9))]
    condition = Constant(1, I1)
    blocks[0].ops.append(condition)
    for block in blocks:
        targets = [Successor(random.choice(blocks[1:])) for _ in range(2)]
        ends = (Jump(targets[0]), Branch(condition, *targets), Return([]))
        block.ops.append(random.choice(ends))
    return Function("f", [], (), blocks=blocks)


def reachable_without(function: Function, removed: Block | None) -> set[Block]:
    if function.entry is removed:
        return set()
    found = {function.entry}
    work = [function.entry]
    while work:
        for edge in work.pop().successors():
            if edge.block not in found and edge.block is not removed:
                found.add(edge.block)
                work.append(edge.block)
    return found


@pytest.mark.parametrize("seed", range(60))
def test_dominators_by_definition(seed: int) -> None:
    function = random_graph(seed)
    tree = Dominators(function)
    reachable = reachable_without(function, None)
    assert set(tree.order) == reachable
    for upper in reachable:
        cut_off = reachable - reachable_without(function, upper)
        for lower in reachable:
            assert tree.dominates(upper, lower) == (lower in cut_off)
        parent = tree.parent(upper)
        assert (parent is None) == (upper is function.entry)
        if parent is not None:
            assert tree.dominates(parent, upper) and parent is not upper


@pytest.mark.parametrize("seed", range(20))
def test_orders_and_edges(seed: int) -> None:
    function = random_graph(seed)
    order = reverse_postorder(function)
    assert order[0] is function.entry
    assert len(order) == len(set(order))
    before = predecessors(order)
    for block, edges in incoming_edges(order).items():
        assert [source for source, _ in edges] == before[block]
        assert all(edge.block is block for _, edge in edges)


def test_loops() -> None:
    function, blocks = nested()
    outer, inner = natural_loops(function)
    assert (outer.header, inner.header) == (blocks["outer"], blocks["inner"])
    assert outer.blocks == {blocks["outer"], blocks["inner"], blocks["next"]}
    assert inner.blocks == {blocks["inner"]}
    depths = {block.name: depth for block, depth in loop_depths(function).items()}
    assert depths == {"entry": 0, "outer": 1, "inner": 2, "next": 1, "end": 0}


def test_liveness() -> None:
    function, blocks = nested()
    live = live_on_entry(function)
    n = function.parameters[0]
    assert live[blocks["entry"]] == set()
    assert live[blocks["outer"]] == {n}
    assert live[blocks["inner"]] == {n}
    assert live[blocks["next"]] == {n, blocks["inner"].ops[0]}
    assert live[blocks["end"]] == {blocks["outer"].parameters[0]}


def test_uses() -> None:
    function, blocks = nested()
    k = blocks["inner"].ops[0]
    assert count_uses(function)[k] == 3
    assert [made.MNEMONIC for made in users(function)[k]] == [
        "compare.integer",
        "control.branch",
        "control.jump",
    ]
