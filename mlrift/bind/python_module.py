"""The text of a Python module that uses a library through ctypes: an interface in, text out.

The module stands alone: `support.py` is part of it. Names that Python has for something else get an
underscore.
"""

import keyword
import math
import pprint
from pathlib import Path

from mlrift.bind import support
from mlrift.interface.model import (
    Constant,
    Enumeration,
    Field,
    Form,
    Function,
    Interface,
    Parameter,
    Struct,
    Variable,
)

_SCALARS = {
    "u8": "c_uint8",
    "u16": "c_uint16",
    "u32": "c_uint32",
    "u64": "c_uint64",
    "i8": "c_int8",
    "i16": "c_int16",
    "i32": "c_int32",
    "i64": "c_int64",
    "f16": "c_uint16",
    "bf16": "c_uint16",
    "f32": "c_float",
    "f64": "c_double",
    "bool": "c_bool",
    "char": "c_char",
}
_RANGES = {
    f"{sign}{bits}": (-(1 << bits - 1) if sign == "i" else 0, (1 << bits - (sign == "i")) - 1)
    for sign in "ui"
    for bits in (8, 16, 32, 64)
} | {"f16": (0, 0xFFFF)}
_IN_A_WORD = {"f32": "c_float", "f64": "c_double"}
_IN_A_WORD |= dict.fromkeys(("i8", "i16", "i32", "i64"), "c_int64")
_HINTS = {"f32": "float", "f64": "float", "bool": "bool", "char": "bytes"}


def python_module(interface: Interface, file_name: str) -> str:
    """Return the module for the library `file_name`."""
    parts = [
        _docstring(_module_doc(interface, file_name), "").rstrip("\n"),
        f"# ruff: noqa\n{_support_text()}",
        *map(_constant, interface.constants),
        *map(_enumeration, interface.enums),
        *map(_struct, interface.structs),
        f"_library = _mlrift.load({file_name!r})",
        *map(_variable, interface.variables),
        *map(_function, interface.functions),
        f"__all__ = {pprint.pformat(_public_names(interface), width=88, compact=True)}",
    ]
    return "\n\n".join(parts) + "\n"


def _module_doc(interface: Interface, file_name: str) -> str:
    made = f"What {file_name} offers; written by `python -m mlrift.bind`."
    return f"{interface.doc}\n\n{made}" if interface.doc else made


def _support_text() -> str:
    text = Path(support.__file__).read_text(encoding="utf-8")
    return text[text.index("import builtins") :].strip()


def _public_names(interface: Interface) -> list[str]:
    names = [row.name for row in interface.constants]
    names += [row.name for row in interface.enums]
    names += [row.name for row in interface.structs]
    names += [row.name for row in interface.variables]
    return [*map(_name, names), *[_name(row.name) for row in interface.functions]]


def _name(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def _plain_text(text: str) -> str:
    """Return text that can stand in a docstring."""
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _docstring(doc: str, indent: str) -> str:
    """Return the docstring of a definition, or nothing."""
    if not doc:
        return ""
    rows = _plain_text(doc).split("\n")
    if rows[-1].endswith('"') and len(rows) == 1:
        rows[0] += " "
    ending = f'\n{indent}"""' if len(rows) > 1 else '"""'
    body = "\n".join([rows[0], *[f"{indent}{row}".rstrip() for row in rows[1:]]])
    return f'{indent}"""{body}{ending}\n'


def _comment(doc: str) -> str:
    return "".join(f"# {row}".rstrip() + "\n" for row in doc.split("\n")) if doc else ""


def _constant(row: Constant) -> str:
    value = row.value
    text = f'float("{value}")' if isinstance(value, float) and not math.isfinite(value) else value
    if row.type == "bool":
        text = bool(value)
    return f"{_comment(row.doc)}{_name(row.name)} = {text}"


def _enumeration(row: Enumeration) -> str:
    lines = "".join(f"    {_name(name)} = {value}\n" for name, value in row.members)
    body = _docstring(row.doc, "    ") + lines
    return f"class {_name(row.name)}(_enum.IntEnum):\n{body or '    pass'}".rstrip()


def _struct(row: Struct) -> str:
    fields = "".join(f"        ({entry.name!r}, {_field_type(entry)}),\n" for entry in row.fields)
    return (
        f"class {_name(row.name)}(_ctypes.Structure):\n{_docstring(row.doc, '    ')}"
        f'    _pack_ = 1\n    _layout_ = "ms"\n    _fields_ = [\n{fields}    ]'
    )


def _field_type(row: Field) -> str:
    made = _type(row.type)
    for extent in reversed(row.shape):
        made = f"({made} * {extent})"
    return made


def _type(name: str) -> str:
    return f"_ctypes.{_SCALARS[name]}" if name in _SCALARS else _name(name)


def _variable(row: Variable) -> str:
    if row.count:
        kind = f"({_type(row.type)} * {row.count})"
    elif row.type in _SCALARS:
        kind = f"_ctypes.{_IN_A_WORD.get(row.type, 'c_uint64')}"
    else:
        kind = _type(row.type)
    return f"{_comment(row.doc)}{_name(row.name)} = {kind}.in_dll(_library, {row.name!r})"


def _function(row: Function) -> str:
    symbol = f"_library[{row.name!r}]"
    raw = f"_raw_{row.name}"
    kinds: list[str] = []
    for entry in row.parameters:
        kinds += _argument_types(entry)
    kinds += [f"_ctypes.POINTER({_argument_types(entry)[0]})" for entry in row.results[1:]]
    hints = ", ".join(f"{_name(entry.name)}: {_hint(entry)}" for entry in row.parameters)
    lines, arguments = _conversions(row.parameters)
    for number, entry in enumerate(row.results[1:], 2):
        lines.append(f"_result{number} = {_argument_types(entry)[0]}()")
        arguments.append(f"_ctypes.byref(_result{number})")
    lines += _returning(row, f"{raw}({', '.join(arguments)})")
    body = "".join(f"    {line}\n" for line in lines)
    head = f"def {_name(row.name)}({hints}) -> {_result_hint(row)}:"
    return (
        f"{raw} = {symbol}\n{raw}.argtypes = [{', '.join(kinds)}]\n"
        f"{raw}.restype = {_restype(row)}\n\n\n"
        f"{head}\n{_docstring(_function_doc(row), '    ')}{body}".rstrip()
    )


def _function_doc(row: Function) -> str:
    """Return the comment, and how the function is declared in the language."""
    parameters = ", ".join(
        f"[{entry.type}] {entry.name}"
        if entry.form is Form.SLICE
        else f"{_declared(entry)} {entry.name}"
        for entry in row.parameters
    )
    results = ", ".join(map(_declared, row.results))
    if len(row.results) > 1:
        results = f"({results})"
    arrow = f" -> {results}" if results else ""
    declared = f"`fn {row.name}({parameters}){arrow}`"
    return f"{row.doc}\n\n{declared}" if row.doc else declared


def _declared(row: Parameter) -> str:
    """Return a type as the language writes it."""
    if row.form is not Form.TENSOR:
        return row.type
    return f"tensor {row.type}[{', '.join(str(extent) or '_' for extent in row.shape)}]"


def _argument_types(row: Parameter) -> list[str]:
    if row.form is Form.TENSOR:
        return ["_ctypes.c_void_p", "_ctypes.c_void_p"]
    if row.form is Form.SLICE:
        return ["_ctypes.c_void_p", "_ctypes.c_uint64"]
    if row.form is Form.POINTER:
        return [f"_ctypes.POINTER({_type(row.type)})"]
    return [_type(row.type)]


def _hint(row: Parameter) -> str:
    if row.form in (Form.SLICE, Form.TENSOR):
        return "_Buffer"
    if row.form is Form.POINTER:
        return f"{_name(row.type)} | None"
    if row.type == "u64":
        return "int | _Buffer"
    return _HINTS.get(row.type, "int")


def _result_hint(row: Function) -> str:
    if not row.results:
        return "None"
    if len(row.results) > 1:
        return f"tuple[{', '.join(map(_single_hint, row.results))}]"
    return _single_hint(row.results[0])


def _single_hint(row: Parameter) -> str:
    if row.form is Form.TENSOR:
        return "_Any"
    if row.form is Form.POINTER:
        return f"{_name(row.type)} | None"
    return _HINTS.get(row.type, "int")


def _restype(row: Function) -> str:
    if not row.results:
        return "None"
    first = row.results[0]
    return _argument_types(first)[0]


def _conversions(parameters: tuple[Parameter, ...]) -> tuple[list[str], list[str]]:
    """Return the lines that convert arguments, and what is passed then."""
    lines: list[str] = []
    arguments: list[str] = []
    if any(row.form is Form.TENSOR for row in parameters):
        lines.append("_extents: dict[str, tuple[int, str]] = {}")
    for row in parameters:
        name = _name(row.name)
        if row.form is Form.SLICE:
            made = f"_at_{row.name}, _count_{row.name}, _keep_{row.name}"
            lines.append(f"{made} = _mlrift.slice({name}, {row.name!r}, {_type(row.type)})")
            arguments += [f"_at_{row.name}", f"_count_{row.name}"]
        elif row.form is Form.TENSOR:
            made = f"_at_{row.name}, _layout_{row.name}, _keep_{row.name}"
            wanted = f"{row.name!r}, {row.type!r}, {row.shape!r}, _extents"
            lines.append(f"{made} = _mlrift.tensor({name}, {wanted})")
            arguments += [f"_at_{row.name}", f"_layout_{row.name}"]
        elif row.form is Form.VALUE and row.type == "u64":
            lines.append(f"_at_{row.name}, _keep_{row.name} = _mlrift.word({name}, {row.name!r})")
            arguments.append(f"_at_{row.name}")
        elif row.form is Form.VALUE and row.type in _RANGES:
            low, high = _RANGES[row.type]
            arguments.append(f"_mlrift.integer({name}, {row.name!r}, {low}, {high})")
        else:
            arguments.append(name)
    return lines, arguments


def _returning(row: Function, call: str) -> list[str]:
    if not row.results:
        return [call]
    first, *others = row.results
    if not others:
        return [f"return {_given(row, first, call)}  # type: ignore[no-any-return]"]
    rest = [
        _given(row, entry, f"_result{number}{'' if entry.form is Form.POINTER else '.value'}")
        for number, entry in enumerate(others, 2)
    ]
    return [f"_result = {_given(row, first, call)}", f"return _result, {', '.join(rest)}"]


def _given(row: Function, entry: Parameter, value: str) -> str:
    """Return the expression for a result as Python has it."""
    if entry.form is Form.POINTER:
        return f"_mlrift.contents({value})"
    if entry.form is Form.TENSOR:
        return f"_mlrift.array(_library[{row.release!r}], {value}, {entry.type!r})"
    return value
