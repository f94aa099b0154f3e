"""Typed trees as short text, so that a test can say what it expects in one line.

An expression prints as its operation with operands, then `:` and its type.
"""

from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.frontend import ast, typed
from mlrift.frontend.check import CheckOptions, MainRequirement, check_program
from mlrift.frontend.parser import parse_module
from mlrift.frontend.tokens import NO_KNOWN_TYPES
from mlrift.source import SourceFile


def check_text(
    text: str, entry: MainRequirement = MainRequirement.OBJECT
) -> tuple[typed.TypedProgram, DiagnosticSink]:
    """Check a program given as text."""
    sink = DiagnosticSink()
    module = parse_module(SourceFile("test.mlr", text), NO_KNOWN_TYPES, sink)
    assert not sink.has_errors, [row.message for row in sink.diagnostics()]
    return check_program(ast.Program([module]), CheckOptions(entry), sink), sink


def check_valid(text: str, entry: MainRequirement = MainRequirement.OBJECT) -> typed.TypedProgram:
    """Check a program that must have no errors."""
    program, sink = check_text(text, entry)
    errors = [row.message for row in sink.diagnostics() if row.code.startswith("E")]
    assert not errors, errors
    return program


def function(program: typed.TypedProgram, name: str) -> typed.FunctionSymbol:
    """Return a function of a program by name."""
    return next(row for row in program.functions if row.name == name)


def body_lines(text: str, name: str = "main") -> list[str]:
    """Check a program and return the statements of one function as text."""
    body = function(check_valid(text), name).body
    assert body is not None
    return [statement(row) for row in body.statements]


def expression_text(source: str, prelude: str = "", declarations: str = "") -> str:
    """Return the typed form of one expression, printed from inside `main`."""
    text = f"{declarations}\nfn main() {{ {prelude} ; println({source}) }}"
    lines = body_lines(text)
    return lines[-1].removeprefix("println(").removesuffix(")")


def expression(node: typed.Expression) -> str:  # noqa: C901, PLR0912 - one row per class
    """Return an expression as text."""
    match node:
        case typed.IntegerConstant() | typed.FloatConstant():
            return f"{node.value}:{node.type.name}"
        case typed.StringConstant():
            return repr(node.data.decode())
        case typed.FormatString():
            parts = [
                repr(part.decode()) if isinstance(part, bytes) else expression(part)
                for part in node.parts
            ]
            return f"f({', '.join(parts)})"
        case typed.LocalRead() | typed.StaticRead():
            return f"{node.variable.name}:{node.type.name}"
        case typed.StaticAddress():
            return f"&{node.variable.name}:{node.type.name}"
        case typed.ElementAddress():
            base, index = expression(node.base), expression(node.index)
            return f"element({base}, {index}, {node.element.name}, {node.count})"
        case typed.FieldAddress():
            return f"field({expression(node.base)}, {node.offset})"
        case typed.Load():
            return f"load({expression(node.address)}):{node.type.name}"
        case typed.DeviceRead():
            return f"device({node.address:#x}):{node.type.name}"
        case typed.Unary():
            return f"({node.kind.value}{expression(node.operand)}):{node.type.name}"
        case typed.Binary():
            operands = f"{expression(node.left)}, {expression(node.right)}"
            checked = "!" if node.is_overflow_checked else ""
            return f"{node.kind.value}{checked}({operands}):{node.type.name}"
        case typed.Logical():
            return f"({expression(node.left)} {node.kind.value} {expression(node.right)})"
        case typed.Convert():
            return f"<{node.kind.value}>({expression(node.operand)})"
        case typed.CopyStruct():
            return f"copy({expression(node.source)})"
        case typed.StructValue():
            fields = [f"{offset}={expression(value)}" for offset, _, value in node.fields]
            return f"{node.struct.name}{{{', '.join(fields)}}}"
        case typed.StructEqual():
            sign = "!=" if node.is_negated else "=="
            return f"bytes({expression(node.left)} {sign} {expression(node.right)})"
        case typed.Call():
            return f"{node.function.name}({arguments(node.arguments)}):{node.type.name}"
        case typed.CallPointer():
            return f"call_ptr({arguments([node.address, *node.arguments])})"
        case typed.BuiltinCall():
            return f"{node.builtin.name}({arguments(node.arguments)}):{node.type.name}"
        case typed.FunctionAddress():
            return f"fn_addr({node.function.name})"
        case typed.Print():
            name = "println" if node.ends_line else "print"
            return f"{name}({arguments(node.arguments)})"


def arguments(nodes: list[typed.Expression]) -> str:
    """Return expressions separated by commas."""
    return ", ".join(expression(node) for node in nodes)


def place(node: typed.Place) -> str:
    """Return a place as text."""
    match node:
        case typed.LocalPlace() | typed.StaticPlace():
            return node.variable.name
        case typed.MemoryPlace():
            order = "late" if node.value_first else "early"
            return f"{node.type.name} at {expression(node.address)} {order}"
        case typed.DevicePlace():
            return f"device {node.address:#x} {node.type.name}"


def block(node: typed.Block) -> str:
    """Return a block as text."""
    return "{" + "; ".join(statement(row) for row in node.statements) + "}"


def statement(node: typed.Statement) -> str:  # noqa: C901, PLR0912 - one row per class
    """Return a statement as text."""
    match node:
        case typed.DeclareScalar():
            value = f" = {expression(node.value)}" if node.value is not None else ""
            return f"{node.variable.type.name} {node.variable.name}{value}"
        case typed.DeclareArray():
            return f"{node.type.name} {node.variable.name}"
        case typed.DeclareStruct():
            value = f" = {expression(node.source)}" if node.source is not None else ""
            return f"{node.struct.name} {node.variable.name}{value}"
        case typed.DeclareTuple():
            names = ", ".join(
                f"{row.name} {kind.value if kind is not None else '-'}"
                for row, kind in zip(node.variables, node.conversions, strict=True)
            )
            return f"({names}) = {expression(node.call)}"
        case typed.Assign():
            return f"{place(node.place)} = {expression(node.value)}"
        case typed.CompoundAssign():
            checked = "!" if node.is_overflow_checked else ""
            return f"{place(node.place)} {node.kind.value}{checked}= {expression(node.operand)}"
        case typed.Evaluate():
            return expression(node.value)
        case typed.Return():
            defers = "".join(f" defer {block(row)}" for row in node.defers)
            return f"return {arguments(node.values)}{defers}".strip()
        case typed.If():
            otherwise = f" else {block(node.otherwise)}" if node.otherwise is not None else ""
            return f"if {expression(node.condition)} {block(node.then)}{otherwise}"
        case typed.While():
            return f"while {expression(node.condition)} {block(node.body)}"
        case typed.For():
            bounds = f"{expression(node.start)} {node.comparison.value} {expression(node.end)}"
            return f"for {node.variable.name} {bounds} {block(node.body)}"
        case typed.Match():
            arms = ", ".join(
                f"{' | '.join(pattern(row) for row in arm.patterns)} {block(arm.body)}"
                for arm in node.arms
            )
            return f"match {expression(node.scrutinee)} [{arms}]"
        case typed.Break():
            return "break"
        case typed.Continue():
            return "continue"
        case typed.PointerLoad():
            kind = node.conversion.value if node.conversion is not None else "-"
            volatile = "volatile " if node.is_volatile else ""
            address = expression(node.address)
            return f"{volatile}{node.memory_type.name} {address} -> {place(node.place)} {kind}"
        case typed.PointerStore():
            volatile = "volatile " if node.is_volatile else ""
            address, value = expression(node.address), expression(node.value)
            return f"{volatile}{node.memory_type.name} {address} <- {value}"
        case typed.Asm():
            inputs = [f"{row.register} = {expression(row.value)}" for row in node.inputs]
            outputs = [
                f"{place(row.place)} = {row.register}"
                + (f" {row.conversion.value}" if row.conversion is not None else "")
                for row in node.outputs
            ]
            return f"asm {[*inputs, *node.instructions, *outputs]}"


def pattern(node: typed.Pattern) -> str:
    """Return a pattern as text."""
    match node:
        case typed.EqualPattern():
            return expression(node.value)
        case typed.StructPattern():
            return f"bytes {expression(node.value)}"
        case typed.RangePattern():
            start, end = expression(node.start), expression(node.end)
            return f"{start} {node.start_comparison.value}..{node.end_comparison.value} {end}"
        case typed.AlwaysPattern():
            return "_"
