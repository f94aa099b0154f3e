"""Bodies of maps in place: what one element needs becomes ops of the kernel's loop.

So the ops know the level of the processor that the kernel is written for. Sine and cosine of a
number far from zero take a branch, of which no vectors can be made: a kernel asks first whether it
has such numbers (`emit_far`), and if not computes with the functions for near ones, same bits.
"""

from collections.abc import Sequence

from mlrift.ir.clone import Values, clone_op
from mlrift.ir.core import Function, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.compare import IntegerPredicate
from mlrift.ir.ops.control import Return
from mlrift.ir.ops.convert import FloatToBits, TruthToWord
from mlrift.ir.passes.expand_tensors.emit import Emitter
from mlrift.typesystem import F64

# What gives the same for near numbers, and up to where they are (std/math_trigonometry.mlr).
_NEAR = {
    "core.math_wide_sin": "core.math_single_sin",
    "core.math_wide_cos": "core.math_single_cos",
    "core.math_float_sin": "core.math_float_sin_near",
    "core.math_float_cos": "core.math_float_cos_near",
}
_NEAR_BITS = 0x4130_0000_0000_0000
_MAGNITUDE = (1 << 63) - 1


def asks_for_near(body: Function) -> bool:
    """Whether a body has functions that are quicker for near numbers."""
    return _is_straight(body) and any(map(_has_near, body.blocks[0].ops))


def emit_body(out: Emitter, body: Function, arguments: Sequence[Value]) -> Value:
    """Emit what a body computes: its ops, or a call if it has jumps."""
    if not _is_straight(body):
        return out.emit(Call(body.name, list(arguments), body.results))
    values: Values = dict(zip(body.parameters, arguments, strict=True))
    for made in body.blocks[0].ops[:-1]:
        out.emit(clone_op(made, values, {}))
    return _result(body, values)


def emit_near(out: Emitter, body: Function, arguments: Sequence[Value]) -> Value:
    """Emit what a body computes if all numbers are near."""
    values: Values = dict(zip(body.parameters, arguments, strict=True))
    for made in body.blocks[0].ops[:-1]:
        if _has_near(made):
            _emit_near_call(out, made, values)
        else:
            out.emit(clone_op(made, values, {}))
    return _result(body, values)


def emit_far(out: Emitter, body: Function, arguments: Sequence[Value]) -> Value:
    """Emit a word that is not 0 if some number is not near."""
    values: Values = dict(zip(body.parameters, arguments, strict=True))
    found: Value = out.word(0)
    for made in body.blocks[0].ops[:-1]:
        if not _has_near(made):
            out.emit(clone_op(made, values, {}))
            continue
        number = _emit_near_call(out, made, values)
        size = out.bit_and(out.emit(FloatToBits(number)), out.word(_MAGNITUDE))
        is_far = out.compare(IntegerPredicate.UGT, size, out.word(_NEAR_BITS))
        found = out.bit_or(found, out.emit(TruthToWord(is_far)))
    return found


def _is_straight(body: Function) -> bool:
    return len(body.blocks) == 1 and isinstance(body.blocks[0].ops[-1], Return)


def _has_near(made: Op) -> bool:
    return isinstance(made, Call) and made.callee in _NEAR


def _emit_near_call(out: Emitter, made: Op, values: Values) -> Value:
    """Emit the quicker call; return the number."""
    assert isinstance(made, Call)
    (number,) = (values.get(row, row) for row in made.arguments)
    values[made] = out.call_external(_NEAR[made.callee], [number], (F64,))
    return number


def _result(body: Function, values: Values) -> Value:
    last = body.blocks[0].ops[-1]
    assert isinstance(last, Return)
    (found,) = last.values
    return values.get(found, found)
