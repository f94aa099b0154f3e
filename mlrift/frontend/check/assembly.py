"""Inline assembly: blocks of instructions with the registers that go in and come out.

Text is checked against the CPUs that code is generated for. A block must fit every one of them;
if there is none (`mlrc check`), any one. What does not fit counts only in reachable functions, as
unknown names do: a library may hold functions for every CPU.
"""

from collections.abc import Sequence

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic
from mlrift.frontend import ast, typed
from mlrift.frontend.ast import AsmConstraintKind
from mlrift.frontend.check.access import AccessChecker
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import bit_conversion, to_word
from mlrift.frontend.check.options import CheckOptions
from mlrift.ir.assembly import Assembler
from mlrift.typesystem import ERROR, U64


class AssemblyChecker:
    """The handler of `asm`, and the rule for bodies of naked functions."""

    def __init__(self, context: Context, access: AccessChecker, options: CheckOptions) -> None:
        self._context = context
        self._access = access
        self._assemblers = options.assemblers
        self._chosen = [row for row in options.assemblers if row.cpu in options.cpus]

    def asm(self, node: ast.Asm) -> typed.Asm:
        """Check a block."""
        self._check_text(node)
        inputs = [
            typed.AsmInput(row.register.text.lower(), self._input(row.variable))
            for row in node.constraints
            if row.kind is AsmConstraintKind.IN and row.variable is not None
        ]
        outputs: list[typed.AsmOutput] = []
        for row in node.constraints:
            if row.kind is AsmConstraintKind.OUT and row.variable is not None:
                outputs += self._output(row.register.text.lower(), row.variable)
        instructions = tuple(map(_text, node.instructions))
        return typed.Asm(instructions, inputs, outputs, node.span)

    def check_naked(self, node: ast.Function) -> None:
        """Refuse what would need a frame, which a naked function does not have."""
        for statement in node.body.statements:
            if type(statement) is not ast.Asm:
                self._refuse_in_naked("a statement other than assembly", statement)
                return
            for row in statement.constraints:
                if row.kind is not AsmConstraintKind.CLOBBERS:
                    self._refuse_in_naked(f"`{row.kind.value}(...)`", row.register)

    def _refuse_in_naked(self, what: str, node: ast.Statement | ast.Name) -> None:
        diagnostic = catalog.UNSUPPORTED_FEATURE.at(
            node.span, what=what, where="in a @naked function"
        )
        note = "a naked function has no frame: parameters and results are in the registers of calls"
        self._context.emit_name_error("@naked", diagnostic.note(note))

    # ---------------------------------------------------------------------------- variables

    def _input(self, name: ast.Name) -> typed.Expression:
        if not self._is_declared(name):
            return typed.IntegerConstant(0, ERROR, name.span)
        read = self._context.expressions[ast.Identifier]
        return to_word(read(ast.Identifier(name.text, name.span)))

    def _output(self, register: str, name: ast.Name) -> list[typed.AsmOutput]:
        """Return what is stored: nothing after an error."""
        if not self._is_declared(name):
            return []
        place = self._access.name_place(name.text, name.span)
        if place.type is ERROR:
            return []
        assert isinstance(place, typed.LocalPlace | typed.StaticPlace)
        if type(place) is typed.LocalPlace:
            self._context.scopes.names[name.text].is_initialized = True
        return [typed.AsmOutput(register, place, bit_conversion(U64, place.type))]

    def _is_declared(self, name: ast.Name) -> bool:
        """Whether a name means anything; report it if not."""
        context = self._context
        names, text = context.names, name.text
        if text in context.scopes.names or any(
            text in rows
            for rows in (
                *(names.statics, names.constants, names.pending),
                *(names.enums, names.devices, names.types, names.functions),
            )
        ):
            return True
        suggestion = context.suggest_value(text)
        diagnostic = catalog.UNDECLARED_ASM_VARIABLE.at(name.span, name=text, suggestion=suggestion)
        context.emit_name_error(text, diagnostic.help(f"u64 {text}"))
        return False

    # --------------------------------------------------------------------- text and registers

    def _check_text(self, node: ast.Asm) -> None:
        fitting = [row for row in self._assemblers if not _findings(node, row)]
        if not self._is_in_naked:
            self._warn_of_leaving(node, fitting)
        if self._chosen:
            lacking = [row for row in self._chosen if row not in fitting]
        else:
            lacking = [] if fitting else list(self._assemblers)
        if not lacking:
            return
        if fitting:
            found = [_for_another_cpu(node, lacking, fitting)]
        else:
            found = min((_findings(node, row) for row in lacking), key=len)
        for diagnostic in found:
            key = f"asm {node.span.start} {diagnostic.message}"
            self._context.emit_name_error(key, diagnostic)

    @property
    def _is_in_naked(self) -> bool:
        function = self._context.function
        return function is not None and function.symbol.is_naked

    def _warn_of_leaving(self, node: ast.Asm, fitting: Sequence[Assembler]) -> None:
        """Warn of instructions that end the function: they do not find its address to return to."""
        for literal in node.instructions:
            text = _text(literal)
            if any(row.leaves(text) for row in fitting):
                diagnostic = catalog.ASM_LEAVES_FUNCTION.at(literal.span, text=text)
                self._context.emit(diagnostic.help("mark the function @naked, or use `return`"))


def _for_another_cpu(
    node: ast.Asm, lacking: Sequence[Assembler], fitting: Sequence[Assembler]
) -> Diagnostic:
    """Return the first thing that a CPU does not know in a block which another one understands."""
    diagnostic = _findings(node, lacking[0])[0]
    name = fitting[0].cpu.name
    note = f"this is assembly of {name}; a test of get_arch_id() does not keep it out of other code"
    return diagnostic.note(note).help(f"--arch={name}")


def _findings(node: ast.Asm, assembler: Assembler) -> list[Diagnostic]:
    """Return what a CPU does not know of a block."""
    cpu = assembler.cpu.name
    found = []
    for literal in node.instructions:
        text = _text(literal)
        if not assembler.knows(text):
            suggestion = Context.suggest(text.lower(), assembler.known)
            found.append(
                catalog.UNRECOGNIZED_ASM.at(literal.span, text=text, cpu=cpu, suggestion=suggestion)
            )
    for row in node.constraints:
        register, span = row.register.text, row.register.span
        if register.lower() not in assembler.registers:
            found.append(catalog.UNKNOWN_ASM_REGISTER.at(span, name=register, cpu=cpu))
        elif row.kind is AsmConstraintKind.IN and register.lower() in assembler.fixed:
            found.append(catalog.FIXED_ASM_REGISTER.at(span, name=register))
    return found


def _text(literal: ast.StringLiteral) -> str:
    return literal.data.decode("utf-8", "backslashreplace")
