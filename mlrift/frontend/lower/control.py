"""Rules for control flow: conditions, loops, `match`, `return` and short-circuit operators."""

from mlrift.frontend import typed
from mlrift.frontend.lower.aggregates import structs_equal
from mlrift.frontend.lower.context import FunctionContext, Loop
from mlrift.frontend.lower.expressions import OPERATIONS
from mlrift.frontend.lower.rules import expression, statement
from mlrift.frontend.typed import BinaryKind, LogicalKind, UnaryKind
from mlrift.ir.core import Block, BlockParameter, Successor, Value
from mlrift.ir.ops.arith import Add, And, Constant
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Branch, Return
from mlrift.ir.ops.memory import SlotGet, SlotSet
from mlrift.typesystem import I1, I64, MachineType, VectorType

_ARITHMETIC = frozenset(
    {
        BinaryKind.ADD,
        BinaryKind.SUB,
        BinaryKind.MUL,
        BinaryKind.UDIV,
        BinaryKind.SDIV,
        BinaryKind.UREM,
        BinaryKind.SREM,
        BinaryKind.AND,
        BinaryKind.OR,
        BinaryKind.XOR,
        BinaryKind.SHL,
        BinaryKind.LSHR,
        BinaryKind.ASHR,
        BinaryKind.FADD,
        BinaryKind.FSUB,
        BinaryKind.FMUL,
        BinaryKind.FDIV,
    }
)


# ----------------------------------------------------------------- conditions


def branch_on(
    context: FunctionContext, node: typed.Expression, if_true: Block, if_false: Block
) -> None:
    """End the block by going where the condition says; `&&`, `||` and `!` become jumps."""
    builder = context.builder
    while True:
        if isinstance(node, typed.Logical):
            right = Block("right")
            if node.kind is LogicalKind.AND:
                branch_on(context, node.left, right, if_false)
            else:
                branch_on(context, node.left, if_true, right)
            context.place(right)
            node = node.right
        elif isinstance(node, typed.Unary) and node.kind is UnaryKind.LOGICAL_NOT:
            if_true, if_false = if_false, if_true
            node = node.operand
        elif isinstance(node, typed.IntegerConstant):
            builder.jump(if_true if node.value else if_false)
            return
        else:
            builder.branch(context.condition(node), if_true, if_false)
            return


@expression(typed.Logical)
def _logical(context: FunctionContext, node: typed.Logical) -> Value:
    """`a && b` is 0 or b; `a || b` is 1 or b: the join's parameter is a word unless b is an i1."""
    builder = context.builder
    machine = _machine_of(node.right)
    left = context.condition(node.left)
    right, join = Block("right"), Block("join")
    result = BlockParameter(machine)
    join.parameters.append(result)
    known = builder.emit(Constant(int(node.kind is LogicalKind.OR), machine))
    go_on, decided = Successor(right), Successor(join, [known])
    if node.kind is LogicalKind.AND:
        builder.emit(Branch(left, go_on, decided))
    else:
        builder.emit(Branch(left, decided, go_on))
    context.place(right)
    value = context.raw(node.right) if machine is I1 else context.value(node.right)
    builder.jump(join, [value])
    context.place(join)
    return result


def _machine_of(node: typed.Expression) -> MachineType:
    """Return I1 for a comparison, a `!` or a logical operator that ends in one, else I64."""
    while isinstance(node, typed.Logical):
        node = node.right
    if isinstance(node, typed.Binary) and node.kind not in _ARITHMETIC:
        return I1
    if isinstance(node, typed.Unary) and node.kind is UnaryKind.LOGICAL_NOT:
        return I1
    return I64


# ---------------------------------------------------------- branches and loops


@statement(typed.Evaluate)
def _evaluate(context: FunctionContext, node: typed.Evaluate) -> None:
    context.raw(node.value)


@statement(typed.If)
def _if(context: FunctionContext, node: typed.If) -> None:
    builder = context.builder
    join = Block("end_if")
    while True:
        then = Block("then")
        otherwise = node.otherwise
        other = join if otherwise is None else Block("else")
        branch_on(context, node.condition, then, other)
        context.place(then)
        context.run(node.then)
        _go(context, join)
        if otherwise is None:
            break
        context.place(other)
        only = otherwise.statements[0] if len(otherwise.statements) == 1 else None
        if not isinstance(only, typed.If):
            context.run(otherwise)
            _go(context, join)
            break
        node = only
        builder.span = node.span
    context.place(join)


def _go(context: FunctionContext, target: Block) -> None:
    """Jump unless the block has ended already; the jump has no place in the source."""
    if not context.builder.is_terminated:
        context.builder.jump(target)
        context.builder.block.ops[-1].span = None


@statement(typed.While)
def _while(context: FunctionContext, node: typed.While) -> None:
    builder = context.builder
    head = Block("while")
    body = Block("body")
    end = Block("end_while")
    builder.jump(head)
    context.place(head)
    branch_on(context, node.condition, body, end)
    context.place(body)
    _run_loop(context, node.body, Loop(end, head), head)
    context.place(end)


@statement(typed.For)
def _for(context: FunctionContext, node: typed.For) -> None:
    """The end is evaluated before every iteration, `continue` goes to the increment."""
    builder = context.builder
    slot = context.slot(node.variable)
    builder.emit(SlotSet(slot, context.value(node.start)))
    head = Block("for")
    body = Block("body")
    step = Block("step")
    end = Block("end_for")
    builder.jump(head)
    context.place(head)
    current = builder.emit(SlotGet(slot, I64))
    limit = context.value(node.end)
    builder.span = node.span
    builder.branch(builder.emit(_compared(node.comparison, current, limit)), body, end)
    context.place(body)
    _run_loop(context, node.body, Loop(end, step), step)
    context.place(step)
    builder.span = node.span
    old = builder.emit(SlotGet(slot, I64))
    builder.emit(SlotSet(slot, builder.emit(Add(old, builder.word(1)))))
    builder.jump(head)
    context.place(end)


def _compared(kind: BinaryKind, left: Value, right: Value) -> CompareInteger:
    made = OPERATIONS[kind](left, right)
    assert isinstance(made, CompareInteger)
    return made


def _run_loop(context: FunctionContext, body: typed.Block, loop: Loop, after: Block) -> None:
    context.loops.append(loop)
    context.run(body)
    context.loops.pop()
    _go(context, after)


@statement(typed.Break)
def _break(context: FunctionContext, node: typed.Break) -> None:
    context.builder.jump(context.loops[-1].break_to)


@statement(typed.Continue)
def _continue(context: FunctionContext, node: typed.Continue) -> None:
    context.builder.jump(context.loops[-1].continue_to)


# ---------------------------------------------------------------------- match


@statement(typed.Match)
def _match(context: FunctionContext, node: typed.Match) -> None:
    """The tests belong to the line of `match`: a debugger shows only the arm that runs."""
    builder = context.builder
    scrutinee = context.value(node.scrutinee)
    end = Block("end_match")
    for arm in node.arms:
        body, following = Block("arm"), Block("next")
        for pattern in arm.patterns[:-1]:
            builder.span = node.span
            other = Block("or")
            _test(context, scrutinee, pattern, body, other)
            context.place(other)
        builder.span = node.span
        _test(context, scrutinee, arm.patterns[-1], body, following)
        context.place(body)
        context.run(arm.body)
        _go(context, end)
        context.place(following)
    builder.span = node.span
    builder.jump(end)
    context.place(end)


def _test(
    context: FunctionContext, scrutinee: Value, pattern: typed.Pattern, hit: Block, miss: Block
) -> None:
    """Go to `hit` when the pattern matches, else to `miss`."""
    builder = context.builder
    match pattern:
        case typed.AlwaysPattern():
            builder.jump(hit)
        case typed.EqualPattern():
            value = context.value(pattern.value)
            equal: Value = builder.emit(CompareInteger(IntegerPredicate.EQ, scrutinee, value))
            builder.branch(equal, hit, miss)
        case typed.StructPattern():
            value = context.value(pattern.value)
            equal = structs_equal(context, scrutinee, value, pattern.size_bytes)
            builder.branch(builder.truth(equal), hit, miss)
        case typed.RangePattern():
            _test_range(context, scrutinee, pattern, hit, miss)


def _test_range(
    context: FunctionContext,
    scrutinee: Value,
    pattern: typed.RangePattern,
    hit: Block,
    miss: Block,
) -> None:
    builder = context.builder
    start = context.value(pattern.start)
    above = builder.emit(_compared(pattern.start_comparison, start, scrutinee))
    if isinstance(pattern.end, typed.IntegerConstant):
        end = context.value(pattern.end)
        below = builder.emit(_compared(pattern.end_comparison, scrutinee, end))
        builder.branch(builder.emit(And(above, below)), hit, miss)
        return
    second = Block("range_end")
    builder.branch(above, second, miss)
    context.place(second)
    end = context.value(pattern.end)
    builder.branch(builder.emit(_compared(pattern.end_comparison, scrutinee, end)), hit, miss)


# --------------------------------------------------------------------- return


@statement(typed.Return)
def _return(context: FunctionContext, node: typed.Return) -> None:
    values = context.values(node.values)
    run_defers(context, node.defers)
    context.builder.span = node.span
    emit_return(context, values)


def run_defers(context: FunctionContext, defers: list[typed.Block]) -> None:
    """Emit a copy of the deferred blocks, in the order given; loops outside are not theirs."""
    outer, context.loops = context.loops, []
    for block in defers:
        context.run(block)
    context.loops = outer


def emit_return(context: FunctionContext, values: list[Value]) -> None:
    """End the function; missing results are 0, more than it has are dropped."""
    builder = context.builder
    results = builder.function.results
    values = values[: len(results)]
    for machine in results[len(values) :]:
        if isinstance(machine, VectorType):
            from mlrift.frontend.builtins.vector import zero_of  # noqa: PLC0415 - with vectors

            values.append(builder.emit(zero_of(machine)))
            continue
        values.append(builder.emit(Constant(0 if machine is I64 else 0.0, machine)))
    if context.kept:
        from mlrift.frontend.builtins.tensor import keep  # noqa: PLC0415 - with tensors

        keep(builder, context.kept)
    builder.emit(Return(values))
