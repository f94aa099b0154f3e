"""What each op on tensors computes: a function of the running program and the operands' values."""

from collections.abc import Callable

import numpy as np

from mlrift.ir.core import Value
from mlrift.ir.interpret import tensor_arithmetic as arithmetic
from mlrift.ir.interpret.memory import MemoryFault
from mlrift.ir.interpret.os_functions import ProgramExit
from mlrift.ir.interpret.tensor_fused import FUSED
from mlrift.ir.interpret.tensor_memory import TensorMemory
from mlrift.ir.interpret.tensor_reductions import REDUCTIONS
from mlrift.ir.interpret.tensor_scope import Scope
from mlrift.ir.interpret.tensor_shapes import SHAPES
from mlrift.ir.interpret.tensor_values import (
    DTYPES,
    Tensor,
    TensorFailure,
    cast,
    computed,
    from_scalars,
    made,
    to_scalar,
)
from mlrift.ir.numbers import signed
from mlrift.ir.op import Op
from mlrift.ir.ops import tensor, tensor_map
from mlrift.ir.ops.tensor import RandomKind
from mlrift.ir.ops.tensor_map import UnaryKind
from mlrift.ir.ops.tensor_release import Release, Retain
from mlrift.ir.ops.tensor_types import tensor_of
from mlrift.ir.passes.expand_tensors.random_numbers import GOLDEN, LAST_SHIFT, MIX, TWO_PI
from mlrift.static_types import Any
from mlrift.typesystem import ElementKind

Rule = Callable[..., Any]

_MOST_ELEMENTS = 1 << 32
_FAILED = 1


def evaluation(op: Op) -> Callable[..., Any]:
    """Return the function that computes an op; its first argument is the program."""
    rule = RULES.get(type(op))
    assert rule is not None, f"the interpreter has no rule for `{op.MNEMONIC}`"
    groups = [None if name in op.OPERAND_NAMES else len(getattr(op, name)) for name in _names(op)]

    def evaluate(program: Any, *values: Any) -> Any:
        arguments = []
        rest = iter(values)
        for count in groups:
            arguments.append(next(rest) if count is None else [next(rest) for _ in range(count)])
        try:
            return rule(Scope(program, op), *arguments)
        except TensorFailure as failure:
            program.write_error(_line(op, str(failure)))
            raise ProgramExit(_FAILED) from None

    return evaluate


def _names(op: Op) -> tuple[str, ...]:
    return (*op.OPERAND_NAMES, *op.LIST_NAMES)


def _line(op: Op, message: str) -> bytes:
    span = op.span
    place = ""
    if span is not None:
        line, column = span.file.line_and_column(span.start)
        place = f"{span.file.path}:{line}:{column}: "
    return f"{place}tensor: {message}\n".encode("utf-8", "surrogateescape")


def _shape(extents: list[int]) -> tuple[int, ...]:
    count = 1
    for row in extents:
        count *= row
        if row >= _MOST_ELEMENTS or count >= _MOST_ELEMENTS:
            raise TensorFailure("the result is too large")
    return tuple(extents)


# ---- made ----


def _fill(on: Scope, value: Any, extents: list[int]) -> Tensor:
    kind = on.result.element
    element = from_scalars(kind, [value], ())
    return made(kind, np.full(_shape(extents), element))


def _iota(on: Scope, extents: list[int]) -> Tensor:
    numbers = np.arange(_shape(extents)[0], dtype=np.uint64)
    return cast(on.result.element, Tensor(ElementKind.U64, numbers))


def _draws(seed: int, counters: Any) -> Any:
    mixed = np.uint64(seed) + counters * np.uint64(GOLDEN)
    for shift, factor in MIX:
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(LAST_SHIFT))


def _random(on: Scope, seed: int, first: int, extents: list[int]) -> Tensor:
    op = on.op
    assert isinstance(op, tensor.Random)
    kind, shape = on.result.element, _shape(extents)
    count = int(np.prod(shape, dtype=np.int64))
    with np.errstate(over="ignore"):
        counters = np.uint64(first) + np.arange(count, dtype=np.uint64)
        if op.kind is RandomKind.BITS:
            return made(kind, _draws(seed, counters).reshape(shape))
        if op.kind is RandomKind.UNIFORM:
            if kind is ElementKind.F64:
                return made(kind, _fractions(_draws(seed, counters)).reshape(shape))
            bits = (_draws(seed, counters) >> np.uint64(40)).astype(np.float32)
            return made(kind, (bits * np.float32(2.0**-24)).reshape(shape))
        one = _fractions(_draws(seed, counters * np.uint64(2)))
        two = _fractions(_draws(seed, counters * np.uint64(2) + np.uint64(1)))
        log = arithmetic.elementary(on.library, UnaryKind.LOG, 1.0 + -1.0 * one)
        wave = arithmetic.elementary(on.library, UnaryKind.COS, TWO_PI * two)
        return made(kind, (np.sqrt(-2.0 * log) * wave).reshape(shape))


def _fractions(bits: Any) -> Any:
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _view(on: Scope, address: int, extents: list[int], strides: list[int]) -> Tensor:
    kind = on.result.element
    if address == 0 and 0 not in extents:
        raise TensorFailure("a view of the address 0")
    steps = [signed(row) for row in strides] if strides else None
    return Tensor(kind, _memory(on).array(address, DTYPES[kind], _shape(extents), steps))


def _memory(on: Scope) -> TensorMemory:
    return on.program.tensor_memory()  # type: ignore[no-any-return]  # a Program


# ---- seen ----


def _extent(on: Scope, operand: Tensor) -> int:
    assert isinstance(on.op, tensor.Extent)
    return int(operand.array.shape[on.op.axis])


def _length(on: Scope, operand: Tensor) -> int:
    return int(operand.array.size)


def _data(on: Scope, operand: Tensor) -> int:
    return _memory(on).address(operand)


def _keep(on: Scope, operands: list[Tensor]) -> None:
    return None


def _contiguous(on: Scope, operand: Tensor) -> Tensor:
    if operand.array.flags.c_contiguous:
        return operand
    return Tensor(operand.kind, np.array(operand.array, order="C"))


def _place(operand: Tensor, indices: list[int]) -> tuple[int, ...]:
    for axis, index in enumerate(indices):
        if index >= operand.array.shape[axis]:
            shape = list(operand.array.shape)
            raise TensorFailure(f"index {signed(index)} of axis {axis} is outside of {shape}")
    return tuple(indices)


def _load(on: Scope, operand: Tensor, indices: list[int]) -> int | float:
    found = Tensor(operand.kind, np.asarray(operand.array[_place(operand, indices)]))
    return to_scalar(operand.kind, computed(found)[()])


def _store(on: Scope, operand: Tensor, value: Any, indices: list[int]) -> Tensor:
    place = _place(operand, indices)
    changed = np.array(operand.array)
    element = made(operand.kind, from_scalars(operand.kind, [value], ()))
    changed[place] = element.array
    return Tensor(operand.kind, changed)


def _require(on: Scope, operand: Tensor, extent: int) -> None:
    assert isinstance(on.op, tensor.Require)
    _require_extent(operand, on.op.axis, extent)


def _require_extent(operand: Tensor, axis: int, extent: int) -> None:
    if operand.array.shape[axis] != extent:
        shape = list(operand.array.shape)
        raise TensorFailure(f"axis {axis} of {shape} must have {extent} elements")


def _assume(on: Scope, operand: Tensor) -> Tensor:
    for axis, extent in enumerate(on.result.extents):
        if extent is not None:
            _require_extent(operand, axis, extent)
    return operand


def _share(on: Scope, operand: Tensor) -> int:
    return _memory(on).share(operand)


def _borrow(on: Scope, word: int) -> Tensor:
    return _shared(on, word, _memory(on).shared.get(word))


def _take(on: Scope, word: int) -> Tensor:
    return _shared(on, word, _memory(on).shared.pop(word, None))


def _shared(on: Scope, word: int, found: Tensor | None) -> Tensor:
    if found is None:
        raise MemoryFault(word, 8)
    return found


def _nothing(on: Scope, operand: Tensor) -> None:
    return None


# ---- element by element ----


def _unary(on: Scope, operand: Tensor) -> Tensor:
    assert isinstance(on.op, tensor_map.Unary)
    return arithmetic.unary(on.library, on.op.kind, operand)


def _spread(on: Scope, *operands: Tensor) -> tuple[int, ...]:
    values = [row for row in on.op.operands() if row in on.tensors]
    return arithmetic.check_shapes(list(operands), [_literal(row) for row in values])


def _literal(value: Value) -> tuple[bool, ...]:
    return tuple(extent == 1 for extent in tensor_of(value).extents)


def _binary(on: Scope, left: Tensor, right: Tensor) -> Tensor:
    assert isinstance(on.op, tensor_map.Binary)
    _spread(on, left, right)
    return arithmetic.binary(on.op.kind, left, right)


def _compare(on: Scope, left: Tensor, right: Tensor) -> Tensor:
    assert isinstance(on.op, tensor_map.Compare)
    _spread(on, left, right)
    return arithmetic.compare(on.op.predicate, left, right)


def _select(on: Scope, condition: Tensor, if_true: Tensor, if_false: Tensor) -> Tensor:
    _spread(on, condition, if_true, if_false)
    return arithmetic.select(condition, if_true, if_false)


def _cast(on: Scope, operand: Tensor) -> Tensor:
    return cast(on.result.element, operand)


def map_elements(
    on: Scope,
    tensors: list[Tensor],
    scalars: list[Any],
    extents: list[int],
    kind: ElementKind,
) -> Tensor:
    """Return what the body of an op gives for every element."""
    shape = _spread(on, *tensors) if tensors else _shape(extents)
    return map_shape(on, tensors, scalars, shape, kind)


def map_shape(
    on: Scope,
    tensors: list[Tensor],
    scalars: list[Any],
    shape: tuple[int, ...],
    kind: ElementKind,
) -> Tensor:
    """Return what the body of an op gives for every element of a shape."""
    name: str = on.op.body  # type: ignore[attr-defined]  # a map, or an op with one in it
    parameters = on.program.module.functions[name].parameters
    takes_number = len(parameters) > len(tensors) + len(scalars)
    function = on.program.function(name)

    def body(*values: Any) -> Any:
        *elements, number = values
        return function(*elements, *scalars, *([number] if takes_number else []))

    return arithmetic.apply_body(body, tensors, shape, kind)


def _map(on: Scope, tensors: list[Tensor], scalars: list[Any], extents: list[int]) -> Tensor:
    return map_elements(on, tensors, scalars, extents, on.result.element)


RULES: dict[type[Op], Rule] = {
    tensor.Fill: _fill,
    tensor.Iota: _iota,
    tensor.Random: _random,
    tensor.View: _view,
    tensor.Extent: _extent,
    tensor.Length: _length,
    tensor.Data: _data,
    tensor.Keep: _keep,
    tensor.Contiguous: _contiguous,
    tensor.LoadElement: _load,
    tensor.StoreElement: _store,
    tensor.Require: _require,
    tensor.Assume: _assume,
    tensor.Share: _share,
    tensor.Borrow: _borrow,
    tensor.Take: _take,
    Retain: _nothing,
    Release: _nothing,
    tensor_map.Unary: _unary,
    tensor_map.Binary: _binary,
    tensor_map.Compare: _compare,
    tensor_map.Select: _select,
    tensor_map.Cast: _cast,
    tensor_map.Map: _map,
    **SHAPES,
    **REDUCTIONS,
    **FUSED,
}
