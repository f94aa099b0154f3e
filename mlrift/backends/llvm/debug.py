"""DWARF as LLVM metadata: files, functions, lines, variables and statics.

Enters: what the IR knows of the source (`ir/source_names.py`), spans of ops, slots and
`debug.value`s. Leaves: numbered metadata lines for the end of the module text, and records that
say where variables are. Paths are those the user gave; no folder of the machine is written.
"""

from bisect import bisect_right
from collections import Counter

from mlrift.backends.llvm.debug_types import DebugTypes
from mlrift.backends.llvm.names import escape
from mlrift.backends.llvm.options import CodegenOptions, OptimisationLevel
from mlrift.ir.core import Function, Linkage, Module
from mlrift.ir.op import Op
from mlrift.ir.ops.memory import SlotSet, Stack
from mlrift.ir.source_names import SourceFunction, SourceVariable, Visibility
from mlrift.source import InlinedSpan, SourceFile, Span

PRODUCER = "mlrc"
DWARF_VERSION = 4
FIRST_NUMBER = 1
# Symbols keep these forms; what the program calls a function is its name for the debugger.
_VISIBLE = (Linkage.EXPORTED, Linkage.EXTERNAL)


class ModuleDebug:
    """The metadata of a module; `lines` is complete after `finish`."""

    __slots__ = ("_files", "_globals", "_options", "_unit", "_unit_file", "lines", "types")

    def __init__(self, main_file: SourceFile, options: CodegenOptions) -> None:
        self.lines: list[str] = []
        self._options = options
        self._files: dict[SourceFile, str] = {}
        self._globals: list[str] = []
        self.types = DebugTypes(self.add)
        self._unit = self.reserve()
        self._unit_file = self.file(main_file)

    @property
    def is_optimised(self) -> bool:
        """Whether variables may have no place."""
        return self._options.level is not OptimisationLevel.NONE

    def reserve(self) -> str:
        """Return the reference of a node that `define` gives its text."""
        self.lines.append("")
        return f"!{len(self.lines) - 1 + FIRST_NUMBER}"

    def define(self, reference: str, text: str) -> None:
        """Write a reserved node."""
        self.lines[int(reference[1:]) - FIRST_NUMBER] = f"{reference} = {text}"

    def add(self, text: str) -> str:
        """Add a node and return its reference."""
        self.lines.append(f"!{len(self.lines) + FIRST_NUMBER} = {text}")
        return f"!{len(self.lines) - 1 + FIRST_NUMBER}"

    def file(self, source: SourceFile) -> str:
        """Return the node of a source file."""
        known = self._files.get(source)
        if known is None:
            path = self._options.shown_path(source.path)
            known = self.add(f'!DIFile(filename: "{escape(path)}", directory: ".")')
            self._files[source] = known
        return known

    def function(self, reference: str, function: Function, variables: list[str]) -> None:
        """Define the node of a function that has a place in the source."""
        source, span = function.source, function.span
        assert source is not None and span is not None
        parameters = [row for row in source.variables.values() if row.argument]
        types = [self.types.held(source.result), *[self.types.held(row.type) for row in parameters]]
        listed = self.add(f"!{{{', '.join(types)}}}")
        signature = self.add(f"!DISubroutineType(types: {listed})")
        retained = ""
        if self.is_optimised:
            nodes = self.add(f"!{{{', '.join(variables)}}}")
            retained = f", retainedNodes: {nodes}"
        linkage = ""
        if function.linkage in _VISIBLE and function.name != source.name:
            linkage = f'linkageName: "{escape(function.name)}", '
        self.define(reference, self._subprogram(source.name, span, signature, linkage, retained))

    def entry(self, name: str, span: Span) -> tuple[str, str]:
        """Return the attachments of code that the compiler made and of its instructions.

        It stands at the line of the function that it enters.
        """
        types = self.add("!{null}")
        signature = self.add(f"!DISubroutineType(types: {types})")
        node = self.add(self._subprogram(name, span, signature, "flags: DIFlagArtificial, ", ""))
        place = self.add(f"!DILocation({_position(span)}, scope: {node})")
        return f" !dbg {node}", f", !dbg {place}"

    def _subprogram(self, name: str, span: Span, signature: str, extra: str, retained: str) -> str:
        file, line = self.file(span.file), span.line
        flags = "DISPFlagDefinition" + (" | DISPFlagOptimized" if self.is_optimised else "")
        prototyped = "" if "flags:" in extra else "flags: DIFlagPrototyped, "
        return (
            f'distinct !DISubprogram(name: "{escape(name)}", {extra}{prototyped}scope: {file}, '
            f"file: {file}, line: {line}, type: {signature}, scopeLine: {line}, "
            f"spFlags: {flags}, unit: {self._unit}{retained})"
        )

    def static(self, source: SourceVariable) -> str:
        """Return the `!dbg` attachment of a static of the program."""
        variable = self.add(
            f'distinct !DIGlobalVariable(name: "{escape(source.name)}", scope: {self._unit}, '
            f"file: {self.file(source.span.file)}, line: {source.span.line}, "
            f"type: {self.types.static(source.type)}, isLocal: true, isDefinition: true)"
        )
        where = ""
        if source.distance_bytes is not None:
            distance = f"DW_OP_dup, DW_OP_plus_uconst, {source.distance_bytes}, DW_OP_deref"
            where = f"{distance}, DW_OP_xor"
        expression = self.add(
            f"!DIGlobalVariableExpression(var: {variable}, expr: !DIExpression({where}))"
        )
        self._globals.append(expression)
        return f", !dbg {expression}"

    def finish(self) -> list[str]:
        """Complete the unit and return every line."""
        statics = self.add(f"!{{{', '.join(self._globals)}}}")
        optimised = "true" if self.is_optimised else "false"
        self.define(
            self._unit,
            f"distinct !DICompileUnit(language: DW_LANG_C99, file: {self._unit_file}, "
            f'producer: "{PRODUCER}", isOptimized: {optimised}, runtimeVersion: 0, '
            f"emissionKind: FullDebug, globals: {statics}, splitDebugInlining: false, "
            "nameTableKind: None)",
        )
        dwarf = self.add(f'!{{i32 7, !"Dwarf Version", i32 {DWARF_VERSION}}}')
        version = self.add('!{i32 2, !"Debug Info Version", i32 3}')
        named = [
            f"!llvm.dbg.cu = !{{{self._unit}}}",
            f"!llvm.module.flags = !{{{dwarf}, {version}}}",
        ]
        return named + self.lines


def frames_only() -> list[str]:
    """Return the metadata that makes LLVM describe the frames of a module, and nothing else."""
    return [
        "!llvm.dbg.cu = !{!1}",
        "!llvm.module.flags = !{!3, !4}",
        "!1 = distinct !DICompileUnit(language: DW_LANG_C99, file: !2, isOptimized: true, "
        "runtimeVersion: 0, emissionKind: DebugDirectivesOnly)",
        '!2 = !DIFile(filename: "frames", directory: ".")',
        f'!3 = !{{i32 7, !"Dwarf Version", i32 {DWARF_VERSION}}}',
        '!4 = !{i32 2, !"Debug Info Version", i32 3}',
    ]


def module_debug(module: Module, options: CodegenOptions) -> ModuleDebug | None:
    """Return the metadata to fill for a module; None when it knows nothing of its source.

    The unit is named after the file that is compiled, which stands after all it imports.
    """
    for function in reversed(module.functions.values()):
        if function.source is not None and function.span is not None:
            return ModuleDebug(function.span.file, options)
    return None


class FunctionDebug:
    """The lines, scopes and variables of one function.

    Instructions of the opening (parameters and frame storage) have no line of their own, so that
    a breakpoint on the function stops at its first statement, when the parameters are in place.
    """

    __slots__ = (
        "_calls",
        "_default",
        "_last",
        "_last_suffix",
        "_locations",
        "_module",
        "_nodes",
        "_scope",
        "_scopes",
        "_source",
        "variables",
    )

    def __init__(self, module: ModuleDebug, source: SourceFunction, span: Span) -> None:
        self._module = module
        self._source = source
        self._scope = module.reserve()
        self._default = span
        self._scopes = _Scopes(module, source, span.file, self._scope)
        self._locations: dict[tuple[int, str], str] = {}
        self._calls: dict[int, str] = {}
        self._nodes: dict[str, str] = {}
        self._last: Span | None = None
        self._last_suffix = f", !dbg {self.location(span)}"
        self.variables: list[str] = []

    @property
    def attachment(self) -> str:
        """The `!dbg` attachment of the definition."""
        return f" !dbg {self._scope}"

    def finish(self, function: Function) -> None:
        """Write the function's node, with its variables, whether or not they were met."""
        variables: list[str] = []
        if self._module.is_optimised:
            variables = [self._variable(name) for name in self._source.variables]
        self._module.function(self._scope, function, variables)

    def location(self, span: Span) -> str:
        """Return the node of a position; positions in other files keep the function's line."""
        here = span if span.file is self._default.file else self._default
        call = self._call(span.call) if isinstance(span, InlinedSpan) else ""
        known = self._locations.get((here.start, call))
        if known is None:
            scope = self._scopes.at(here.start)
            known = self._module.add(f"!DILocation({_position(here)}, scope: {scope}{call})")
            self._locations[here.start, call] = known
        return known

    def _call(self, span: Span) -> str:
        """Return where code was copied to: a node of its own for every call."""
        known = self._calls.get(id(span))
        if known is None:
            outer = self._call(span.call) if isinstance(span, InlinedSpan) else ""
            scope = self._scopes.at(span.start)
            node = self._module.add(
                f"distinct !DILocation({_position(span)}, scope: {scope}{outer})"
            )
            known = self._calls[id(span)] = f", inlinedAt: {node}"
        return known

    def suffix(self, made: Op) -> str:
        """Return what to append to the instructions of an op; spans usually come in runs.

        An op without a span belongs to what stands before it.
        """
        span = made.span
        if span is not self._last and span is not None:
            self._last = span
            self._last_suffix = f", !dbg {self.location(span)}"
        if type(made) is Stack or (type(made) is SlotSet and span is self._default):
            return ""
        return self._last_suffix

    @property
    def function_suffix(self) -> str:
        """What to append to instructions of the function as a whole."""
        return f", !dbg {self.location(self._default)}"

    def declare_slot(self, name: str, storage: str) -> None:
        """Note that the variable of a slot lives in the frame at `storage`."""
        variable = self._source.variables.get(name)
        if variable is not None:
            self.variables.append(
                f"    #dbg_declare(ptr {storage}, {self._variable(name)}, !DIExpression(), "
                f"{self._place(variable, '')})"
            )

    def value_record(self, name: str, value: str, span: Span | None) -> str | None:
        """Return the record that a variable has the value of an operand from here on."""
        variable = self._source.variables.get(name)
        if variable is None:
            return None
        call = self._call(span.call) if isinstance(span, InlinedSpan) else ""
        return (
            f"    #dbg_value({value}, {self._variable(name)}, !DIExpression(), "
            f"{self._place(variable, call)})"
        )

    def _variable(self, name: str) -> str:
        known = self._nodes.get(name)
        if known is None:
            row = self._source.variables[name]
            number = f"arg: {row.argument}, " if row.argument else ""
            known = self._nodes[name] = self._module.add(
                f'!DILocalVariable(name: "{escape(row.name)}", {number}'
                f"scope: {self._scopes.of(row)}, file: {self._module.file(row.span.file)}, "
                f"line: {row.span.line}, type: {self._module.types.held(row.type)})"
            )
        return known

    def _place(self, variable: SourceVariable, call: str) -> str:
        """Return the position of a declaration; its scope is the variable's."""
        scope = self._scopes.of(variable)
        return self._module.add(f"!DILocation({_position(variable.span)}, scope: {scope}{call})")


class _Scopes:
    """The lexical blocks of a function: the ranges of the text where variables are visible.

    In optimised code, where variables without a value say so themselves, only names that occur
    twice get one: gdb 13 lists variables of blocks that were inlined and then vanished twice.
    """

    __slots__ = ("_function", "_nodes", "_parents", "_ranges", "_starts")

    def __init__(
        self, module: ModuleDebug, source: SourceFunction, file: SourceFile, function: str
    ) -> None:
        rows = list(source.variables.values())
        if module.is_optimised:
            counts = Counter([row.name for row in rows])
            rows = [row for row in rows if counts[row.name] > 1]
        ranges = {row.visible for row in rows if row.visible is not None}
        self._function = function
        self._ranges = sorted(ranges, key=lambda row: (row.start, -row.end))
        self._starts = [row.start for row in self._ranges]
        self._parents: list[int] = []
        self._nodes: dict[Visibility, str] = {}
        for index, row in enumerate(self._ranges):
            outer = index - 1
            while outer >= 0 and self._ranges[outer].end < row.end:
                outer = self._parents[outer]
            self._parents.append(outer)
            scope = self._nodes[self._ranges[outer]] if outer >= 0 else function
            line, column = file.line_and_column(row.start)
            self._nodes[row] = module.add(
                f"distinct !DILexicalBlock(scope: {scope}, file: {module.file(file)}, "
                f"line: {line}, column: {column})"
            )

    def at(self, offset: int) -> str:
        """Return the innermost scope at a place in the text."""
        index = bisect_right(self._starts, offset) - 1
        while index >= 0 and self._ranges[index].end <= offset:
            index = self._parents[index]
        return self._nodes[self._ranges[index]] if index >= 0 else self._function

    def of(self, variable: SourceVariable) -> str:
        """Return the scope of a variable."""
        if variable.visible is None:
            return self._function
        return self._nodes.get(variable.visible, self._function)


def _position(span: Span) -> str:
    line, column = span.file.line_and_column(span.start)
    return f"line: {line}, column: {column}"
