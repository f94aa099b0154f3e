"""How an op is written: the pieces after its mnemonic, derived from its declaration.

Types follow ` : `, result lists ` -> `, value lists stand in parentheses (bare when they are the
only field), enum members are followed by a blank, and all else is separated by commas.
"""

from enum import Enum, unique
from functools import cache

from mlrift.ir.op import REGISTRY, FieldKind, Op, OpField
from mlrift.typesystem import MachineType, TensorType, ValueType, VectorType
from mlrift.values import value

TYPES_BY_NAME = {row.value: row for row in MachineType}
VECTOR = "vec"
TENSOR = "tensor"


@unique
class Form(Enum):
    """The way one field is written."""

    VALUE = "%x"
    VALUES = "(%x, %y)"
    BARE_VALUES = "%x, %y"
    EDGE = "^block(%x)"
    TYPE = "i64"
    TYPES = "(i64, i64)"
    MEMBER = "slt"
    SYMBOL = "@name"
    INTEGER = "8"
    NUMBER = "8 or 1.5"
    NUMBERS = "(0, 1.5)"


@value
class Piece:
    """A field with its form, the text before it, and the members an enum may have."""

    name: str
    form: Form
    lead: str
    members: dict[str, Enum]


_KINDS = {
    FieldKind.OPERAND: Form.VALUE,
    FieldKind.OPERANDS: Form.VALUES,
    FieldKind.SUCCESSOR: Form.EDGE,
}
_ATTRIBUTES: dict[object, Form] = {
    str: Form.SYMBOL,
    int: Form.INTEGER,
    int | float: Form.NUMBER,
    MachineType: Form.TYPE,
    ValueType: Form.TYPE,
    VectorType: Form.TYPE,
    TensorType: Form.TYPE,
    tuple[int, ...]: Form.NUMBERS,
    tuple[int | float, ...]: Form.NUMBERS,
    tuple[MachineType, ...]: Form.TYPES,
    tuple[ValueType, ...]: Form.TYPES,
}


def pieces(op_class: type[Op]) -> tuple[Piece, ...]:
    """Return the pieces of a class of ops in the order they are written."""
    return _pieces(op_class.MNEMONIC)


@cache
def _pieces(mnemonic: str) -> tuple[Piece, ...]:
    op_class = REGISTRY[mnemonic]
    forms = [_form_of(row) for row in op_class.FIELDS]
    if forms == [Form.VALUES]:
        forms = [Form.BARE_VALUES]
    made = []
    for position, (row, form) in enumerate(zip(op_class.FIELDS, forms, strict=True)):
        before = forms[position - 1] if position else None
        made.append(Piece(row.name, form, _lead(form, before), _members(row)))
    return tuple(made)


def _form_of(row: OpField) -> Form:
    if row.kind is not FieldKind.ATTRIBUTE:
        return _KINDS[row.kind]
    return Form.MEMBER if _is_member(row.type) else _ATTRIBUTES[row.type]


def _is_member(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, Enum) and hint is not MachineType


def _members(row: OpField) -> dict[str, Enum]:
    hint = row.type
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {member.value: member for member in hint}
    return {}


def _lead(form: Form, before: Form | None) -> str:
    if form is Form.TYPE:
        return " : "
    if form is Form.TYPES:
        return " -> "
    if form is Form.VALUES:
        return "" if before is not None else " "
    return " " if before is None or before is Form.MEMBER else ", "
