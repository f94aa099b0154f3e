"""A call of the function itself that is the last thing it does becomes a jump to its start.

    function @f(%n : i64) -> i64 {           function @f(%n : i64) -> i64 {
    ^entry(%n):                              ^entry(%n):
      control.branch %c, ^more, ^end           control.jump ^again(%n, %zero)
    ^more:                                   ^again(%m : i64, %sum : i64):
      %g = ...                                 control.branch %c, ^more, ^end
      %r = call.direct @f(%k) -> i64    =>   ^more:
      %s = arith.add %r, %g                    %g = ...
      control.return %s                        %t = arith.add %g, %sum
    ^end:                                      control.jump ^again(%k, %t)
      control.return %n                      ^end:
                                               %u = arith.add %m, %sum
                                               control.return %u

What is done to the result after the call is gathered in an accumulator if it is a sum, a product
or a bitwise operation on words: these may be done in any order, modulo 2**64. Floats never are.
When calls of the function remain, it is split: `@f` calls `@f.accumulate`, which gets the
accumulator's first value as a parameter, so that `f(k) + sum` is `f.accumulate(k, sum)`.

Between the call and the return there may be nothing with an effect, nor a load, which the call
could have changed. Functions with storage in the frame stay: a callee may still use its caller's.
"""

from mlrift.ir.analysis.control_flow import reverse_postorder
from mlrift.ir.analysis.uses import users
from mlrift.ir.clone import clone_op, clone_parameters
from mlrift.ir.core import Block, BlockParameter, Function, Module, Successor, Value
from mlrift.ir.numbers import WORD_MASK
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops.arith import Add, And, Constant, Mul, Or, Sub, Xor
from mlrift.ir.ops.call import Call, CallResult
from mlrift.ir.ops.control import Jump, Return
from mlrift.ir.ops.debug import DebugValue
from mlrift.ir.ops.memory import Stack
from mlrift.ir.passes.declaration import EVERY_PROPERTY, Pass, Property
from mlrift.ir.source_names import SourceFunction
from mlrift.typesystem import I64
from mlrift.values import record

Combining = type[Add] | type[Mul] | type[And] | type[Or] | type[Xor]

_IDENTITIES: dict[Combining, int] = {Add: 0, Mul: 1, And: WORD_MASK, Or: 0, Xor: 0}
_COMBINING: dict[type[Op], Combining] = {Add: Add, Sub: Add, Mul: Mul, And: And, Or: Or, Xor: Xor}


@record
class _Site:
    """A tail call; `combined` is what is done to its result, innermost first, by one family."""

    block: Block
    position: int
    call: Call
    depending: set[Value]
    combined: list[Op]
    family: Combining | None


def eliminate_tail_recursion(module: Module) -> None:
    """Turn the tail calls of every function into a loop."""
    for function in list(module.functions.values()):
        sites = [site for block in function.blocks if (site := _site(function, block)) is not None]
        if sites and not any([type(made) is Stack for made in function.ops()]):
            _eliminate(module, function, sites)


PASS = Pass(
    "eliminate_tail_recursion",
    eliminate_tail_recursion,
    needs=frozenset({Property.NO_SLOTS, Property.NO_DEAD_BLOCKS}),
    keeps=EVERY_PROPERTY,
)


def _eliminate(module: Module, function: Function, sites: list[_Site]) -> None:
    families = [site.family for site in sites if site.family is not None]
    header, start = _add_entry(function)
    accumulator: BlockParameter | None = None
    if families:
        accumulator = BlockParameter(I64, "accumulator")
        header.parameters.append(accumulator)
        sites = [site for site in sites if site.family in (None, families[0])]
    for site in sites:
        _jump_back(site, header, accumulator)
    if accumulator is not None:
        for block in function.blocks:
            _combine_result(block, families[0], accumulator)
    reachable = set(reverse_postorder(function))
    function.blocks = [block for block in function.blocks if block in reachable]
    if accumulator is not None:
        _begin_accumulator(module, function, start, families[0])


def _site(function: Function, block: Block) -> _Site | None:
    """Return the tail call of a block, or None when it has none."""
    returned = _returned(block)
    if returned is None:
        return None
    for position in range(len(block.ops) - 2, -1, -1):
        made = block.ops[position]
        if isinstance(made, Call) and made.callee == function.name:
            return _tail_call(block, position, made, returned)
        if made.EFFECT is not Effect.PURE:
            break
    return None


def _returned(block: Block) -> list[Value] | None:
    """Return the values that the function gives after a block, or None when it goes on."""
    end = block.ops[-1]
    if isinstance(end, Return):
        return end.values
    if not isinstance(end, Jump):
        return None
    target = end.target.block
    last = next(made for made in target.ops if type(made) is not DebugValue)
    if not isinstance(last, Return):
        return None
    passed: dict[Value, Value] = dict(zip(target.parameters, end.target.arguments, strict=True))
    return [passed.get(value, value) for value in last.values]


def _tail_call(block: Block, position: int, call: Call, returned: list[Value]) -> _Site | None:
    depending: set[Value] = {call}
    for made in block.ops[position + 1 : -1]:
        if not depending.isdisjoint(made.operands()):
            depending.add(made)
    if len(returned) == len(call.results) and all(
        [_is_result(value, call, index) for index, value in enumerate(returned)]
    ):
        return _Site(block, position, call, depending, [], None)
    if len(returned) != 1 or call.results != (I64,):
        return None
    combined = _combined(returned[0], call, depending)
    if not combined:
        return None
    return _Site(block, position, call, depending, combined, _COMBINING[type(combined[0])])


def _is_result(value: Value, call: Call, index: int) -> bool:
    if index == 0:
        return value is call
    return isinstance(value, CallResult) and value.call is call and value.index == index


def _combined(value: Value, call: Call, depending: set[Value]) -> list[Op]:
    """Return the ops of one family that make `value` of the call's result, innermost first."""
    found: list[Op] = []
    family: Combining | None = None
    while value is not call:
        if not isinstance(value, (Add, Sub, Mul, And, Or, Xor)):
            return []
        family = family or _COMBINING[type(value)]
        if family is not _COMBINING[type(value)] or value not in depending:
            return []
        if (value.lhs in depending) == (value.rhs in depending):
            return []
        if type(value) is Sub and value.rhs in depending:
            return []
        found.append(value)
        value = value.lhs if value.lhs in depending else value.rhs
    found.reverse()
    return found


def _add_entry(function: Function) -> tuple[Block, Block]:
    """Put a new first block before the old one; return the old one and the new one."""
    header = function.blocks[0]
    start = Block(header.name, clone_parameters(function.parameters, {}))
    header.name = "again"
    header.parameters = list(header.parameters)
    function.parameters = start.parameters
    function.blocks.insert(0, start)
    start.ops.append(Jump(Successor(header, list(start.parameters))))
    return header, start


def _jump_back(site: _Site, header: Block, accumulator: BlockParameter | None) -> None:
    """Replace a tail call by a jump to the header; what does not depend on it stays."""
    before, after = site.block.ops[: site.position], site.block.ops[site.position + 1 : -1]
    ops = before + [made for made in after if made not in site.depending]
    arguments = list(site.call.arguments)
    if accumulator is not None:
        values: dict[Value, Value] = {site.call: accumulator}
        ops += [clone_op(made, values, {}) for made in site.combined]
        arguments.append(values[site.combined[-1]] if site.combined else accumulator)
    jump = Jump(Successor(header, arguments))
    jump.span = site.call.span
    site.block.ops = [*ops, jump]


def _combine_result(block: Block, family: Combining, accumulator: BlockParameter) -> None:
    end = block.ops[-1]
    if isinstance(end, Return):
        whole = family(end.values[0], accumulator)
        whole.span = end.span
        end.values = [whole]
        block.ops.insert(-1, whole)


def _begin_accumulator(module: Module, function: Function, start: Block, family: Combining) -> None:
    """Give the accumulator its first value: none, or a parameter of a new function."""
    identity = Constant(_IDENTITIES[family], I64)
    edge = start.successors()[0]
    if not _own_calls(function):
        start.ops.insert(0, identity)
        edge.arguments.append(identity)
        return
    begun = BlockParameter(I64, "accumulator")
    edge.arguments.append(begun)
    body = _split(module, function, identity)
    body.parameters.append(begun)
    _pass_accumulator(function.name, body, family)


def _own_calls(function: Function) -> list[Call]:
    calls = [made for made in function.ops() if isinstance(made, Call)]
    return [made for made in calls if made.callee == function.name]


def _split(module: Module, function: Function, identity: Constant) -> Function:
    """Move the blocks to a new function that the old one calls; return the new one."""
    body = Function(
        f"{function.name}.accumulate",
        function.parameters,
        function.results,
        blocks=function.blocks,
        span=function.span,
        section=function.section,
        source=function.source,
    )
    assert body.name not in module.functions, f"@{body.name} exists"
    module.functions[body.name] = body
    entry = Block("entry", clone_parameters(body.parameters, {}))
    call = Call(body.name, [*entry.parameters, identity], body.results)
    end = Return([call])
    identity.span = call.span = end.span = function.span
    entry.ops = [*_describe_parameters(function.source, entry), identity, call, end]
    function.parameters, function.blocks = entry.parameters, [entry]
    return body


def _pass_accumulator(name: str, body: Function, family: Combining) -> None:
    """Let the calls that remain do the sums in which their results are used."""
    known = users(body)
    combined: dict[Value, Value] = {}
    for block in body.blocks:
        ops: list[Op] = []
        for made in block.ops:
            if isinstance(made, Call) and made.callee == name:
                uses = known.get(made, [])
                begun = _summand(made, uses, family, body, ops)
                if begun is None:
                    begun = Constant(_IDENTITIES[family], I64)
                    begun.span = made.span
                    ops.append(begun)
                else:
                    combined[uses[0]] = made
                made.callee = body.name
                made.arguments = [*made.arguments, begun]
            ops.append(made)
        block.ops = ops
    for block in body.blocks:
        block.ops = [made for made in block.ops if made not in combined]
        for made in block.ops:
            if isinstance(made, DebugValue):
                _forget_accumulated(made, body.name, combined)
            made.replace_operands(combined)


def _forget_accumulated(made: DebugValue, body_name: str, combined: dict[Value, Value]) -> None:
    """A result that now holds the accumulator too is no variable's value."""
    for value in made.values:
        if value in combined or (isinstance(value, Call) and value.callee == body_name):
            made.values = []


def _describe_parameters(source: SourceFunction | None, entry: Block) -> list[Op]:
    if source is None:
        return []
    numbers = {name: row.argument for name, row in source.variables.items() if row.argument}
    return [DebugValue(name, [entry.parameters[at - 1]]) for name, at in numbers.items()]


def _summand(
    call: Call, uses: list[Op], family: Combining, body: Function, before: list[Op]
) -> Value | None:
    """Return what is added to a result, and only that, if it is known before the call."""
    if len(uses) != 1 or type(uses[0]) is not family:
        return None
    lhs, rhs = uses[0].operands()
    other = rhs if lhs is call else lhs
    is_known = other in body.blocks[1].parameters or other in before
    return other if is_known else None
