"""IR to text. Values are numbered in order; parameters and blocks keep their names.

Names that occur twice in a function get a suffix (`then`, `then.1`), so that parsing the text
and printing it again gives the same text. Invalid IR prints too: unknown values as `%?`.
"""

from collections.abc import Callable
from functools import cache
from math import isnan

from mlrift.ir.assembly import Assembly
from mlrift.ir.core import (
    Block,
    BlockParameter,
    Function,
    Global,
    Linkage,
    Module,
    Successor,
    Value,
)
from mlrift.ir.numbers import double_to_bits
from mlrift.ir.op import REGISTRY, Op
from mlrift.ir.text.form import Form, Piece, pieces
from mlrift.ir.text.tokens import escape, quote_name
from mlrift.static_types import Any
from mlrift.typesystem import VOID_MACHINE, ValueType

_LINKAGE = {
    Linkage.INTERNAL: "",
    Linkage.KEPT: "kept ",
    Linkage.EXPORTED: "exported ",
    Linkage.EXTERNAL: "external ",
}


def print_module(module: Module) -> str:
    """Return the module's text."""
    parts = [f"module @{quote_name(module.name)}\n"]
    parts += [_global(row) for row in module.globals.values()]
    declared = [row for row in module.functions.values() if row.linkage is Linkage.EXTERNAL]
    parts += [_declaration(row) for row in declared]
    for function in module.functions.values():
        if function.linkage is not Linkage.EXTERNAL:
            parts += ["\n", print_function(function)]
    return "".join(parts)


def print_function(function: Function) -> str:
    """Return the text of a function with blocks."""
    names = FunctionNames(function)
    parameters = ", ".join(f"{names.value(row)} : {row.type.value}" for row in function.parameters)
    head = f"{_LINKAGE[function.linkage]}function @{quote_name(function.name)}({parameters})"
    kind = "" if function.assembly is None else " assembly"
    lines = [f"{head}{_results(function)}{_flags(function)}{kind} {{"]
    if function.assembly is not None:
        lines += assembly_lines(function.assembly)
    for position, block in enumerate(function.blocks):
        lines.append(_label(names.block(block), block.parameters if position else [], names))
        lines += ["  " + format_op(made, names) for made in block.ops]
    lines.append("}\n")
    return "\n".join(lines)


def format_op(made: Op, names: "FunctionNames") -> str:
    """Return an op as it stands in its function's text."""
    start = f"{names.value(made)} = " if made.type is not VOID_MACHINE else ""
    return (
        start + made.MNEMONIC + "".join([write(made, names) for write in _writers(made.MNEMONIC)])
    )


def assembly_lines(assembly: Assembly) -> list[str]:
    """Return the lines of a function's assembly: inputs, outputs, instructions."""
    rows = [f"  in {name}" for name in assembly.inputs]
    rows += [f"  out {name}" for name in assembly.outputs]
    texts = [text.encode("utf-8", "surrogatepass") for text in assembly.instructions]
    return [*rows, *(f'  "{escape(text)}"' for text in texts)]


class FunctionNames:
    """The unique names of a function's values and blocks."""

    def __init__(self, function: Function) -> None:
        self._values: dict[Value, str] = {}
        self._blocks: dict[Block, str] = {}
        taken: set[str] = set()
        count = 0
        for block in function.blocks:
            self._blocks[block] = quote_name(_unique(block.name or "block", taken))
        taken = set()
        shown = [function.parameters, *(block.parameters for block in function.blocks[1:])]
        for parameter in (row for rows in shown for row in rows):
            if parameter.name and not parameter.name.isdigit():
                self._values[parameter] = quote_name(_unique(parameter.name, taken))
        rows: list[list[Value]] = [[*function.parameters]]
        for position, block in enumerate(function.blocks):
            rows.append([*(block.parameters if position else ()), *block.ops])
        for row in rows:
            for value in row:
                if value.type is not VOID_MACHINE and value not in self._values:
                    self._values[value] = str(count)
                    count += 1

    def value(self, value: Value) -> str:
        """Return `%name` of a value."""
        return "%" + self._values.get(value, "?")

    def block(self, block: Block) -> str:
        """Return `^name` of a block."""
        return "^" + self._blocks.get(block, "?")

    def values(self, values: list[Value]) -> str:
        """Return the names of several values, separated by commas."""
        return ", ".join([self.value(value) for value in values])


def _unique(name: str, taken: set[str]) -> str:
    found = name
    suffix = 0
    while found in taken:
        suffix += 1
        found = f"{name}.{suffix}"
    taken.add(found)
    return found


def _global(row: Global) -> str:
    kind = "constant" if row.is_constant else "global"
    data = f' = "{escape(row.data)}"' if row.data else ""
    name = quote_name(row.name)
    return f"{_LINKAGE[row.linkage]}{kind} @{name} {row.size_bytes} align {row.align}{data}\n"


def _declaration(function: Function) -> str:
    shown = [
        f"%{quote_name(row.name)} : {row.type.value}" if row.name else row.type.value
        for row in function.parameters
    ]
    head = f"declare @{quote_name(function.name)}({', '.join(shown)})"
    return f"{head}{_results(function)}{_flags(function)}\n"


def _results(function: Function) -> str:
    return f" -> {_types(function.results)}" if function.results else ""


def _types(types: tuple[ValueType, ...]) -> str:
    if len(types) == 1:
        return types[0].value
    return f"({', '.join([row.value for row in types])})"


def _flags(function: Function) -> str:
    flags = " naked" if function.is_naked else ""
    flags += " realigned" if function.realigns_stack else ""
    flags += " simd" if function.is_simd else ""
    flags += " inline" if function.is_inline else ""
    flags += f" level {function.level}" if function.level else ""
    flags += "" if function.returns else " noreturn"
    if function.section is not None:
        flags += f' section "{escape(function.section.encode("utf-8", "surrogatepass"))}"'
    return flags


def _label(name: str, parameters: list[BlockParameter], names: FunctionNames) -> str:
    if not parameters:
        return f"{name}:"
    shown = [f"{names.value(row)} : {row.type.value}" for row in parameters]
    return f"{name}({', '.join(shown)}):"


_Writer = Callable[[Any, FunctionNames], str]


@cache
def _writers(mnemonic: str) -> tuple[_Writer, ...]:
    return tuple(_writer(piece) for piece in pieces(REGISTRY[mnemonic]))


def _writer(piece: Piece) -> _Writer:
    name, lead, form = piece.name, piece.lead, _WRITE[piece.form]

    def write(made: Op, names: FunctionNames) -> str:
        text = form(getattr(made, name), names)
        return lead + text if text else ""

    return write


def _edge(edge: Successor, names: FunctionNames) -> str:
    arguments = f"({names.values(edge.arguments)})" if edge.arguments else ""
    return names.block(edge.block) + arguments


def _number(value: int | float, names: FunctionNames) -> str:
    if isinstance(value, float) and isnan(value):
        return f"nan(0x{double_to_bits(value):016x})"
    return repr(value)


_WRITE: dict[Form, Callable[[Any, FunctionNames], str]] = {
    Form.VALUE: lambda value, names: names.value(value),
    Form.VALUES: lambda values, names: f"({names.values(values)})",
    Form.BARE_VALUES: lambda values, names: names.values(values),
    Form.EDGE: _edge,
    Form.TYPE: lambda value, names: value.value,
    Form.TYPES: lambda types, names: _types(types),
    Form.MEMBER: lambda member, names: member.value,
    Form.SYMBOL: lambda text, names: "@" + quote_name(text),
    Form.INTEGER: lambda value, names: repr(value),
    Form.NUMBER: _number,
    Form.NUMBERS: lambda row, names: f"({', '.join([_number(value, names) for value in row])})",
}
