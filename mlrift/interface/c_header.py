"""The C header of a library: an interface in, text out that C99 and C++ compile without a warning.

Structs have no padding in the language; where C would add some, they are packed. A static scalar
fills a word whatever its declared type.
"""

import math
import re

from mlrift.interface.c_names import free_name
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

_LINE_WIDTH = 100
_INT_RANGE = range(-(1 << 31), 1 << 31)
_SCALARS = {
    "u8": "uint8_t",
    "u16": "uint16_t",
    "u32": "uint32_t",
    "u64": "uint64_t",
    "i8": "int8_t",
    "i16": "int16_t",
    "i32": "int32_t",
    "i64": "int64_t",
    "f16": "uint16_t",
    "bf16": "uint16_t",
    "f32": "float",
    "f64": "double",
    "bool": "bool",
    "char": "char",
}
_SIZES = {"u8": 1, "i8": 1, "bool": 1, "char": 1, "u16": 2, "i16": 2, "f16": 2}
_SIZES |= {"bf16": 2, "u32": 4, "i32": 4, "f32": 4, "u64": 8, "i64": 8, "f64": 8}
_IN_A_WORD = {"f32": "float", "f64": "double"} | dict.fromkeys(("i8", "i16", "i32"), "int64_t")


def c_header(interface: Interface, name: str) -> str:
    """Return the header of the library `name`, such as `stats`."""
    macro = re.sub(r"\W", "_", name, flags=re.ASCII).upper()
    if not macro[:1].isalpha():
        macro = f"LIB_{macro}"
    guard, api = f"{macro}_H", f"{macro}_API"
    parts = [
        f"/* The interface of {_in_comment(name)}, written by mlrc. */",
        _comment(interface.doc).rstrip("\n"),
        f"#ifndef {guard}\n#define {guard}",
        _includes(interface),
        _import_macro(api, macro),
        '#ifdef __cplusplus\nextern "C" {\n#endif',
        _tensors(interface),
        *map(_constant, interface.constants),
        *map(_enumeration, interface.enums),
    ]
    parts.append("\n".join(f"typedef struct {row.name} {row.name};" for row in interface.structs))
    parts += [_struct(interface, row) for row in interface.structs if row.fields]
    parts += [_variable(row, api) for row in interface.variables]
    taken = _names_that_are_taken(interface)
    parts += [_function(row, api, set(taken)) for row in interface.functions]
    parts += ["#ifdef __cplusplus\n}\n#endif", f"#endif /* {guard} */"]
    return "\n\n".join(part for part in parts if part) + "\n"


def _names_that_are_taken(interface: Interface) -> frozenset[str]:
    """Return what fields and parameters cannot be called: macros and types of the header."""
    members = [f"{row.name}_{name}" for row in interface.enums for name, _ in row.members]
    structs = [row.name for row in interface.structs]
    return frozenset([*members, *structs, *(row.name for row in interface.constants)])


_TENSORS = """\
/*
 * What a function gives that returns a tensor: give it back with NAME_release. `layout` has an
 * extent for each axis, then a stride for each, in elements; a parameter `NAME_layout` points to
 * the same.
 */
#ifndef MLRIFT_TENSOR
#define MLRIFT_TENSOR
typedef struct mlrift_tensor {
    uint64_t references;
    void *data;
    uint64_t owner;
    uint64_t count;
    uint32_t kind;
    uint32_t rank;
    uint64_t layout[16];
} mlrift_tensor;
#endif"""


def _tensors(interface: Interface) -> str:
    """Return what is the same in all headers with results that are tensors."""
    return _TENSORS if any(row.release for row in interface.functions) else ""


def _includes(interface: Interface) -> str:
    rows = ["#include <stdbool.h>", "#include <stdint.h>"]
    values = [row.value for row in interface.constants]
    if any(isinstance(value, float) and not math.isfinite(value) for value in values):
        rows.insert(0, "#include <math.h>")
    return "\n".join(rows)


def _import_macro(api: str, macro: str) -> str:
    """Windows finds variables of a DLL only where they are declared as imported."""
    return (
        f"#if defined(_WIN32) && !defined({macro}_STATIC)\n"
        f"#define {api} __declspec(dllimport) extern\n"
        f"#else\n#define {api} extern\n#endif"
    )


def _comment(doc: str) -> str:
    """Return a comment of its own lines, or nothing."""
    rows = _in_comment(doc).split("\n")
    if not doc:
        return ""
    if len(rows) == 1:
        return f"/* {rows[0]} */\n"
    return "/*\n" + "".join(f" * {row}".rstrip() + "\n" for row in rows) + " */\n"


def _in_comment(text: str) -> str:
    return text.replace("*/", "* /").replace("/*", "/ *")


def _constant(row: Constant) -> str:
    return f"{_comment(row.doc)}#define {row.name} {_literal(row)}"


def _literal(row: Constant) -> str:
    value = row.value
    if isinstance(value, float):
        if math.isnan(value):
            return "NAN"
        text = ("-" if value < 0 else "") + "INFINITY" if math.isinf(value) else repr(value)
        suffix = "f" if row.type == "f32" and math.isfinite(value) else ""
        return f"({text}{suffix})" if value < 0 else text + suffix
    if row.type == "bool":
        return "true" if value else "false"
    if value == -(1 << 63):
        return f"(-INT64_C({(1 << 63) - 1}) - 1)"
    if value < 0:
        return f"(-INT64_C({-value}))"
    return f"INT64_C({value})" if row.type.startswith("i") else f"UINT64_C({value})"


def _enumeration(row: Enumeration) -> str:
    if not row.members:
        return ""
    names = [(f"{row.name}_{name}", _signed(value)) for name, value in row.members]
    if all(value in _INT_RANGE for _, value in names):
        body = ",\n".join(f"    {name} = {value}" for name, value in names)
        return f"{_comment(row.doc)}enum {row.name} {{\n{body}\n}};"
    rows = [f"#define {row.name}_{name} UINT64_C({value})" for name, value in row.members]
    return _comment(row.doc) + "\n".join(rows)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _struct(interface: Interface, row: Struct) -> str:
    names = set(_names_that_are_taken(interface))
    fields = "".join(_field(entry, names) for entry in row.fields)
    text = f"struct {row.name} {{\n{fields}}};"
    if _has_padding_in_c(interface, row):
        text = f"#pragma pack(push, 1)\n{text}\n#pragma pack(pop)"
    check = f"typedef char {row.name}_size[sizeof({row.name}) == {row.size_bytes} ? 1 : -1];"
    return f"{_comment(row.doc)}{text}\n{check}"


def _field(row: Field, names: set[str]) -> str:
    if 0 in row.shape:
        return ""  # a tensor without elements, which C cannot declare
    axes = "".join(f"[{extent}]" for extent in row.shape)
    return f"    {_type(row.type)} {_fresh(row.name, names)}{axes};\n"


def _has_padding_in_c(interface: Interface, row: Struct) -> bool:
    alignments = [_alignment(interface, entry.type) for entry in row.fields]
    aligned = all(
        entry.offset_bytes % align == 0 for entry, align in zip(row.fields, alignments, strict=True)
    )
    return not aligned or row.size_bytes % max(alignments) != 0


def _alignment(interface: Interface, name: str) -> int:
    """Return how a C compiler aligns a type; packed structs are not aligned."""
    struct = interface.struct(name)
    if struct is None:
        return _SIZES[name]
    if not struct.fields or _has_padding_in_c(interface, struct):
        return 1
    return max(_alignment(interface, row.type) for row in struct.fields)


def _variable(row: Variable, api: str) -> str:
    if row.count:
        return f"{_comment(row.doc)}{api} {_type(row.type)} {row.name}[{row.count}];"
    held = _IN_A_WORD.get(row.type, "uint64_t") if row.type in _SCALARS else row.type
    return f"{_comment(row.doc)}{api} {held} {row.name};"


def _function(row: Function, api: str, names: set[str]) -> str:
    result = _declared(row.results[0]) if row.results else "void"
    parameters: list[str] = []
    for entry in row.parameters:
        parameters += _parameters(entry, names)
    for entry in row.results[1:]:
        declared = _declared(entry)
        gap = "" if declared.endswith("*") else " "
        parameters.append(f"{declared}{gap}*{_fresh(entry.name, names)}")
    head = f"{api} {result}{'' if result.endswith('*') else ' '}{row.name}("
    line = head + (", ".join(parameters) or "void") + ");"
    if len(line) > _LINE_WIDTH:
        line = head + "\n    " + ",\n    ".join(parameters) + "\n);"
    if row.release:
        line += f"\n\n{api} void {row.release}(const mlrift_tensor *tensor);"
    return _comment(row.doc) + line


def _parameters(row: Parameter, names: set[str]) -> list[str]:
    name = _fresh(row.name, names)
    if row.form is Form.SLICE:
        return [f"{_type(row.type)} *{name}", f"uint64_t {_fresh(row.name + '_count', names)}"]
    if row.form is Form.TENSOR:
        layout = _fresh(row.name + "_layout", names)
        return [f"const {_type(row.type)} *{name}", f"const uint64_t *{layout}"]
    declared = _declared(row)
    return [f"{declared}{'' if declared.endswith('*') else ' '}{name}"]


def _declared(row: Parameter) -> str:
    if row.form is Form.TENSOR:
        return "const mlrift_tensor *"
    return _type(row.type) + (" *" if row.form is not Form.VALUE else "")


def _type(name: str) -> str:
    return _SCALARS.get(name, name)


def _fresh(name: str, names: set[str]) -> str:
    """Return a name that C can spell and nothing else has; it is taken then."""
    name = free_name(name)
    while name in names:
        name += "_"
    names.add(name)
    return name
