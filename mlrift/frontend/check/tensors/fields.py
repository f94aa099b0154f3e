"""Tensors as fields of structs: where they lie, what reads, changes and copies of them are.

The elements lie in the struct, row-major, at a multiple of an element's size. A field that is read
is the memory itself, so operations and calls copy nothing; what gives it to a variable, a static,
another field or a caller gives a copy. So it is with the fields of populations, which may be gone
before the copy.
"""

from mlrift.frontend import ast, typed
from mlrift.frontend.builtins import tensor as ir
from mlrift.frontend.builtins import tensor_parts as parts
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.tensors.nodes import operation
from mlrift.frontend.check.tensors.shapes import shaped
from mlrift.frontend.scopes import Signature
from mlrift.source import Span
from mlrift.static_types import Any
from mlrift.typesystem import (
    ERROR,
    ArrayType,
    SliceType,
    StructType,
    TensorType,
    Type,
    stored_alignment,
    stored_bytes,
)

FIELD = "tensor.field"
VIEW = "tensor.view"
# What gives another look at the same elements.
_LOOKS = frozenset(f"tensor.{name}" for name in ("part", "permute", "reshape", "add_axis", "fit"))


def settle_fields(context: Context, structs: list[ast.Struct]) -> None:
    """Give fields the types of their tensors, now that constants are known, and lay out anew."""
    settled: set[StructType] = set()
    for node in structs:
        struct = context.names.types.get(node.name.text)
        if not isinstance(struct, StructType):
            continue
        for row in node.fields:
            field = struct.fields.get(row.name.text)
            if field is not None and type(row.type) is ast.TensorTypeName:
                found = context.extensions.tensors.field_type(row.type)
                field.type = found if isinstance(found, TensorType) else shaped_as_nothing(field)
    for known in list(context.names.types.values()):
        if isinstance(known, StructType):
            _lay_out(known, settled)


def shaped_as_nothing(field: object) -> TensorType:
    """Return the type of a field that was reported."""
    found = getattr(field, "type", None)
    assert isinstance(found, TensorType)
    return shaped(found.element, (0,) * len(found.extents))


def _lay_out(struct: StructType, settled: set[StructType]) -> None:
    if struct in settled:
        return
    settled.add(struct)
    offset = 0
    for field in struct.fields.values():
        if isinstance(field.type, StructType):
            _lay_out(field.type, settled)
        field.offset = _multiple(offset, stored_alignment(field.type))
        offset = field.offset + stored_bytes(field.type)
    struct.size_bytes = _multiple(offset, stored_alignment(struct))


def _multiple(size_bytes: int, unit: int) -> int:
    return -(-size_bytes // unit) * unit


def field_value(address: typed.Expression, found: TensorType, span: Span) -> typed.Expression:
    """Return the tensor that a field is: the memory at its address."""
    return operation("field", found, [address], span, ir.view(found.machine))


def is_lent(value: typed.Expression) -> bool:
    """Whether a value is a field, also one of a population, or a look at one, and no copy."""
    while type(value) is typed.BuiltinCall and value.builtin.name in _LOOKS:
        value = value.arguments[0]
    return type(value) is typed.BuiltinCall and value.builtin.name in (FIELD, VIEW)


def lends(call: typed.Expression) -> bool:
    """Whether a call has a field as an argument, which its results may be."""
    return type(call) is typed.Call and any(map(is_lent, call.arguments))


def copied(value: typed.Expression, span: Span) -> typed.Expression:
    """Return a tensor with elements of its own."""
    found = value.type
    assert isinstance(found, TensorType)
    rank = len(found.extents)
    empty = shaped(found.element, (0,) * rank).machine
    return operation("own", found, [value], span, parts.own(rank, empty))


def kept(value: typed.Expression) -> typed.Expression:
    """Return a value for somebody who keeps it: a field as a copy."""
    return copied(value, value.span) if is_lent(value) else value


def chain_type(context: Context, node: ast.Expression) -> Type:
    """Return the type of a chain of members and elements; ERROR for what begins otherwise."""
    reader = _CHAINS.get(type(node))
    return ERROR if reader is None else reader(context, node)


def _name(context: Context, node: ast.Identifier) -> Type:
    binding = context.scopes.names.get(node.text)
    if binding is not None:
        return binding.variable.type
    static = context.names.statics.get(node.text)
    return ERROR if static is None else static.type


def _member(context: Context, node: ast.Member) -> Type:
    base = chain_type(context, node.base)
    if isinstance(base, StructType):
        field = base.fields.get(node.member.text)
        return ERROR if field is None else field.type
    return base if isinstance(base, TensorType) else ERROR


def _element(context: Context, node: ast.Index | ast.IndexAxes) -> Type:
    base = chain_type(context, node.base)
    if isinstance(base, ArrayType | SliceType):
        return base.element
    return base if isinstance(base, TensorType) else ERROR


def _method(context: Context, node: ast.MethodCall) -> Type:
    base = chain_type(context, node.receiver)
    if isinstance(base, TensorType):
        return base
    return _result_of(context, node.method.text) if isinstance(base, StructType) else ERROR


def _call(context: Context, node: ast.Call) -> Type:
    return _result_of(context, node.function.text)


def _literal(context: Context, node: ast.StructLiteral) -> Type:
    return context.names.types.get(node.type.name, ERROR)


def _result_of(context: Context, name: str) -> Type:
    callee = context.names.callees.get(name)
    found = callee.symbol.result if type(callee) is Signature else ERROR
    return found if isinstance(found, StructType) else ERROR


_CHAINS: dict[type, Any] = {
    ast.Identifier: _name,
    ast.Member: _member,
    ast.Index: _element,
    ast.IndexAxes: _element,
    ast.MethodCall: _method,
    ast.Call: _call,
    ast.StructLiteral: _literal,
}
