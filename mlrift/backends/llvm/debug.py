"""DWARF as LLVM metadata: files, functions, lines, variables and statics.

Enters: spans of ops and names of slots. Leaves: numbered metadata lines for the end of the
module text. Paths are those the user gave; no folder of the machine is written. Words have no
static tag in the IR, so variables show as `u64`, `f32` or `f64`.
"""

from mlrift.backends.llvm.names import escape
from mlrift.backends.llvm.options import OptimisationLevel
from mlrift.ir.core import Function, Global, Value
from mlrift.ir.ops.memory import SlotNew
from mlrift.source import SourceFile, Span
from mlrift.typesystem import F32, F64, I1, MachineType

PRODUCER = "mlrc"
DWARF_VERSION = 4
FIRST_NUMBER = 1

_BASIC_TYPES = {
    F32: 'name: "f32", size: 32, encoding: DW_ATE_float',
    F64: 'name: "f64", size: 64, encoding: DW_ATE_float',
    I1: 'name: "bool", size: 8, encoding: DW_ATE_boolean',
}
_FUNCTION_FLAGS = {
    OptimisationLevel.NONE: "DISPFlagDefinition",
    OptimisationLevel.FULL: "DISPFlagDefinition | DISPFlagOptimized",
    OptimisationLevel.SIZE: "DISPFlagDefinition | DISPFlagOptimized",
}
_UNSIGNED_BITS = {1: 8, 2: 16, 4: 32, 8: 64}


class ModuleDebug:
    """The metadata of a module; `lines` is complete after `finish`."""

    __slots__ = ("_files", "_globals", "_level", "_types", "_unit", "lines")

    def __init__(self, main_file: SourceFile, level: OptimisationLevel) -> None:
        self.lines: list[str] = []
        self._level = level
        self._files: dict[SourceFile, str] = {}
        self._types: dict[str, str] = {}
        self._globals: list[str] = []
        self._unit = self._reserve()
        self.file(main_file)

    def _reserve(self) -> str:
        self.lines.append("")
        return f"!{len(self.lines) - 1 + FIRST_NUMBER}"

    def add(self, text: str) -> str:
        """Add a node and return its reference."""
        self.lines.append(f"!{len(self.lines) + FIRST_NUMBER} = {text}")
        return f"!{len(self.lines) - 1 + FIRST_NUMBER}"

    def file(self, source: SourceFile) -> str:
        """Return the node of a source file."""
        known = self._files.get(source)
        if known is None:
            known = self.add(f'!DIFile(filename: "{escape(source.path)}", directory: ".")')
            self._files[source] = known
        return known

    def function(self, function: Function, span: Span) -> str:
        """Return the node of a defined function."""
        types = [self.type(row) for row in function.results[:1]] or ["null"]
        types += [self.type(row.type) for row in function.parameters]
        listed = self.add(f"!{{{', '.join(types)}}}")
        signature = self.add(f"!DISubroutineType(types: {listed})")
        file, line = self.file(span.file), span.line
        return self.add(
            f'distinct !DISubprogram(name: "{escape(function.name)}", scope: {file}, '
            f"file: {file}, line: {line}, type: {signature}, scopeLine: {line}, "
            f"spFlags: {_FUNCTION_FLAGS[self._level]}, unit: {self._unit})"
        )

    def type(self, machine_type: MachineType) -> str:
        """Return the node of a machine type."""
        return self._basic(
            _BASIC_TYPES.get(machine_type) or 'name: "u64", size: 64, encoding: DW_ATE_unsigned'
        )

    def _basic(self, text: str) -> str:
        known = self._types.get(text)
        if known is None:
            known = self._types[text] = self.add(f"!DIBasicType({text})")
        return known

    def static(self, made: Global) -> str:
        """Return the `!dbg` attachment of a global that the program declares."""
        file = next(iter(self._files.values()))
        variable = self.add(
            f'distinct !DIGlobalVariable(name: "{escape(made.name)}", scope: {self._unit}, '
            f"file: {file}, line: 1, type: {self._storage(made)}, isLocal: true, "
            "isDefinition: true)"
        )
        expression = self.add(
            f"!DIGlobalVariableExpression(var: {variable}, expr: !DIExpression())"
        )
        self._globals.append(expression)
        return f", !dbg {expression}"

    def _storage(self, made: Global) -> str:
        bits = _UNSIGNED_BITS.get(made.size_bytes)
        if bits is not None:
            return self._basic(f'name: "u{bits}", size: {bits}, encoding: DW_ATE_unsigned')
        if made.size_bytes == 0:
            return "null"
        byte = self._basic('name: "u8", size: 8, encoding: DW_ATE_unsigned')
        count = self.add(f"!DISubrange(count: {made.size_bytes})")
        bounds = self.add(f"!{{{count}}}")
        return self.add(
            f"!DICompositeType(tag: DW_TAG_array_type, baseType: {byte}, "
            f"size: {made.size_bytes * 8}, elements: {bounds})"
        )

    def finish(self) -> list[str]:
        """Complete the unit and return every line."""
        statics = self.add(f"!{{{', '.join(self._globals)}}}")
        file = next(iter(self._files.values()))
        optimised = "false" if self._level is OptimisationLevel.NONE else "true"
        self.lines[0] = (
            f"{self._unit} = distinct !DICompileUnit(language: DW_LANG_C99, file: {file}, "
            f'producer: "{PRODUCER}", isOptimized: {optimised}, runtimeVersion: 0, '
            f"emissionKind: FullDebug, globals: {statics}, splitDebugInlining: false)"
        )
        dwarf = self.add(f'!{{i32 7, !"Dwarf Version", i32 {DWARF_VERSION}}}')
        version = self.add('!{i32 2, !"Debug Info Version", i32 3}')
        named = [
            f"!llvm.dbg.cu = !{{{self._unit}}}",
            f"!llvm.module.flags = !{{{dwarf}, {version}}}",
        ]
        return named + self.lines


class FunctionDebug:
    """The lines and variables of one function."""

    __slots__ = (
        "_arguments",
        "_default",
        "_last",
        "_last_suffix",
        "_locations",
        "_module",
        "_scope",
        "variables",
    )

    def __init__(self, module: ModuleDebug, function: Function, span: Span) -> None:
        self._module = module
        self._arguments = {
            parameter.name: index + 1 for index, parameter in enumerate(function.parameters)
        }
        self._scope = module.function(function, span)
        self._locations: dict[tuple[int, int], str] = {}
        self._default = span
        self._last: Span | None = None
        self._last_suffix = f", !dbg {self.location(span)}"
        self.variables: list[str] = []

    @property
    def attachment(self) -> str:
        """The `!dbg` attachment of the definition."""
        return f" !dbg {self._scope}"

    def location(self, span: Span) -> str:
        """Return the node of a position; positions in other files keep the function's line."""
        here = span if span.file is self._default.file else self._default
        place = here.file.line_and_column(here.start)
        known = self._locations.get(place)
        if known is None:
            known = self._module.add(
                f"!DILocation(line: {place[0]}, column: {place[1]}, scope: {self._scope})"
            )
            self._locations[place] = known
        return known

    def suffix(self, span: Span | None) -> str:
        """Return what to append to an instruction; spans usually come in runs."""
        if span is not self._last:
            self._last = span
            place = self.location(span if span is not None else self._default)
            self._last_suffix = f", !dbg {place}"
        return self._last_suffix

    def describe_variable(self, slot: Value, name: str, storage: str) -> None:
        """Note that the variable `name` lives in the frame at `storage`."""
        assert isinstance(slot, SlotNew)
        if not name.isidentifier():
            return
        module = self._module
        span = slot.span or self._default
        # A local may shadow a parameter: only the first slot of a name is the parameter.
        number = self._arguments.pop(name, None)
        position = f"arg: {number}, " if number is not None else ""
        variable = module.add(
            f'!DILocalVariable(name: "{escape(name)}", {position}scope: {self._scope}, '
            f"file: {module.file(span.file)}, line: {span.line}, "
            f"type: {module.type(slot.slot_type)})"
        )
        self.variables.append(
            f"    #dbg_declare(ptr {storage}, {variable}, !DIExpression(), {self.location(span)})"
        )
