"""Printing tensors: their text is made when the program runs.

The pieces of a `println` or an f-string go in; nodes that print or join text come out.
"""

from mlrift.frontend import typed
from mlrift.frontend.builtins import tensor_memory as memory
from mlrift.frontend.check.tensors.nodes import operation
from mlrift.frontend.check.tensors.requests import is_tensor
from mlrift.source import Span
from mlrift.typesystem import U64

_JOINED = "tensor.joined text"


def printed(values: list[typed.Expression], end: bytes, span: Span) -> typed.Expression:
    """Return what prints values of which some are tensors, with spaces between."""
    steps: list[typed.Expression] = []
    for index, value in enumerate(values):
        space: list[bytes | typed.Expression] = [b" "] if index else []
        if is_tensor(value) or is_joined(value):
            if space:
                steps.append(typed.Print([_text(space, span)], False, U64, span))
            lower = memory.print_joined if is_joined(value) else memory.print_text
            steps.append(operation("print", U64, [value], span, lower))
        else:
            steps.append(typed.Print([_text([*space, value], span)], False, U64, span))
    if end:
        steps.append(typed.Print([_text([end], span)], False, U64, span))
    return operation("print", U64, steps, span, memory.in_order)


def format_string(parts: "list[bytes | typed.Expression]", span: Span) -> typed.Expression:
    """Return an f-string of which some parts are tensors."""
    texts: list[typed.Expression] = []
    plain: list[bytes | typed.Expression] = []
    for part in parts:
        if isinstance(part, bytes) or not is_tensor(part):
            plain.append(part)
            continue
        if plain:
            texts.append(_text(plain, span))
            plain = []
        texts.append(operation("text", U64, [part], span, memory.text))
    if plain:
        texts.append(_text(plain, span))
    return operation("joined text", U64, texts, span, memory.join_texts)


def is_joined(value: typed.Expression) -> bool:
    """Whether a value is an f-string with tensors."""
    return type(value) is typed.BuiltinCall and value.builtin.name == _JOINED


def _text(parts: "list[bytes | typed.Expression]", span: Span) -> typed.Expression:
    return typed.FormatString(parts, U64, span)
