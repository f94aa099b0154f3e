"""An IR module to the text of an LLVM module.

Enters: a verified module, the CPU's row and the options. Leaves: LLVM assembly that LLVM's parser
and verifier accept. Nothing that LLVM calls poison or undefined comes from a defined program,
every symbol is local or hidden in PORTABLE objects, and every function and global has its own
section there, so that the linker can drop what nothing uses.
"""

from mlrift.backends.errors import BackendError
from mlrift.backends.llvm.debug import FunctionDebug, frames_only, module_debug
from mlrift.backends.llvm.functions import function_body
from mlrift.backends.llvm.generations import (
    EVERY_PROCESSOR,
    Versions,
    declare_detection,
    detection,
    generations_of,
    group_of_level,
)
from mlrift.backends.llvm.machine_code import encode_assembly, machine_code_body
from mlrift.backends.llvm.names import WORDS_SUFFIX, Symbols, escape, quote
from mlrift.backends.llvm.options import (
    CodegenOptions,
    DebugInfo,
    FunctionAddresses,
    JumpTables,
    ObjectFlavour,
    OptimisationLevel,
)
from mlrift.backends.llvm.rule_table import RuleTable
from mlrift.backends.llvm.sections import macho_section
from mlrift.backends.llvm.specialised import asks_for_level, specialised
from mlrift.backends.llvm.target import STACK_PROBES, Generation, HostTarget
from mlrift.backends.llvm.text import ModuleContext
from mlrift.backends.llvm.types import VALUE_TYPE, bytes_text, result_type
from mlrift.ir.assembly import Assembly
from mlrift.ir.core import Function, Global, Linkage, Module
from mlrift.ir.ops.control import Return, Unreachable
from mlrift.targets import ObjectFormat
from mlrift.typesystem import F32, F64, I64
from mlrift.values import value

# Allocators: nothing else refers to what they return, so LLVM sees a `noalias` pointer.
POINTER_FUNCTIONS = ("core.heap_alloc", "core.memory_fresh", "os.map")

_WHOLE_SIZES = (1, 2, 4, 8)
_LINKAGE_PORTABLE = {
    Linkage.INTERNAL: "internal ",
    Linkage.KEPT: "internal ",
    Linkage.EXPORTED: "hidden ",
    Linkage.EXTERNAL: "hidden ",
}
_LINKAGE_NATIVE = {
    Linkage.INTERNAL: "internal ",
    Linkage.KEPT: "internal ",
    Linkage.EXPORTED: "",
    Linkage.EXTERNAL: "",
}
# Our own loops must stay loops: LLVM turns some into calls of these, which nobody defines.
_NO_BUILTINS = '"no-builtin-strlen" "no-builtin-wcslen"'
_NO_JUMP_TABLES = '"no-jump-tables"="true"'
# Address 0 is an address like any other to the language: touching it is a fault, not a licence.
_COMMON = "nounwind null_pointer_is_valid"


@value
class ModuleText:
    """The text of a module without the few lines that name the CPU.

    `is_shared` says that the body is the same for every CPU: no rule of one CPU was used.
    """

    name: str
    body: str
    is_shared: bool
    options: CodegenOptions

    def for_target(self, target: HostTarget) -> str:
        """Return the whole LLVM assembly for a CPU (the one it was written for, unless shared)."""
        return "\n".join(
            [
                f'source_filename = "{escape(self.name)}"',
                f'target triple = "{target.triple(self.options.native_system)}"',
                *_attribute_groups(target, self.options),
                self.body,
            ]
        )


def write_module(module: Module, target: HostTarget, options: CodegenOptions) -> ModuleText:
    """Write the LLVM assembly of a module."""
    return _ModuleWriter(module, target, options).write()


def _attribute_groups(target: HostTarget, options: CodegenOptions) -> list[str]:
    rows = [_COMMON, target.attributes, _NO_BUILTINS]
    if options.object_format is not ObjectFormat.PE:
        rows.append(STACK_PROBES)
    if options.level is OptimisationLevel.SIZE:
        rows.append("minsize optsize")
    if options.level is OptimisationLevel.SIZE or options.jump_tables is JumpTables.NONE:
        rows.append(_NO_JUMP_TABLES)
    if options.debug is DebugInfo.FULL:
        rows.append('"frame-pointer"="all"')
    common = " ".join(rows)
    return [
        f"attributes #0 = {{ {common} }}",
        f"attributes #1 = {{ {common} noreturn cold }}",
        f"attributes #2 = {{ {common} naked noinline }}",
    ]


def _address_convention(target: HostTarget, options: CodegenOptions) -> str:
    """Return how functions are called by address; natively that is the usual convention."""
    if options.addresses is FunctionAddresses.PROGRAM or options.flavour is ObjectFlavour.NATIVE:
        return ""
    return target.foreign_conventions.get(options.system, "") if options.system else ""


class _ModuleWriter:
    """Writes globals, functions, declarations and metadata, in this order."""

    def __init__(self, module: Module, target: HostTarget, options: CodegenOptions) -> None:
        self.module = module
        self.target = target
        self.options = options
        self.is_portable = options.flavour is ObjectFlavour.PORTABLE
        self.linkages = _LINKAGE_PORTABLE if self.is_portable else _LINKAGE_NATIVE
        self.context = ModuleContext(
            module,
            Symbols(module, options),
            options,
            frozenset(
                name
                for name in POINTER_FUNCTIONS
                if name not in module.functions or module.functions[name].results == (I64,)
            ),
            target.foreign_conventions.get(options.system, "") if options.system else "",
            options.system in target.unprototyped_systems,
            target.block_convention,
            _address_convention(target, options),
            target.foreign_arrangements.get(options.system) if options.system else None,
        )
        self.receive = target.foreign_receivers.get(options.system) if options.system else None
        self.context.halves_level = target.halves_level
        self.context.wide_level = target.wide_level
        self.table = RuleTable(target, self.context)
        has_debug = options.debug is DebugInfo.FULL
        self.debug = module_debug(module, options) if has_debug else None

    def write(self) -> ModuleText:
        lines = [self._global(made) for made in self.module.globals.values()]
        for function in self.module.functions.values():
            if function.assembly is not None:
                lines.append(self._assembled(function, function.assembly))
            elif function.linkage is not Linkage.EXTERNAL:
                self._define(function, lines)
        lines.extend(self._declarations())
        for name in self.context.symbols.words:
            lines.append(self._words_entry(self.module.functions[name]))
        if not self.is_portable and self.target.calls_fma:
            self._add_fma_functions()
        lines.extend(self.context.declarations.values())
        lines.extend(self._kept())
        own = self.module
        for kind, called in (("ctors", own.called_at_start), ("dtors", own.called_at_end)):
            if called:
                lines.append(_called_list(kind, self.context.symbols.functions[called]))
        lines.append('!0 = !{!"branch_weights", i32 1, i32 1000000}')
        lines.extend(self.context.metadata)
        if self.debug is not None:
            lines.extend(self.debug.finish())
        elif self.options.debug is DebugInfo.FRAMES:
            lines.extend(frames_only())
        lines.append("")
        context = self.context
        has_foreign = any(row.foreign is not None for row in self.module.functions.values())
        is_shared = context.is_shared and not (has_foreign or context.foreign_convention)
        return ModuleText(self.module.name, "\n".join(lines), is_shared, self.options)

    def _add_fma_functions(self) -> None:
        """Define what LLVM calls for fused multiplications, where the program has no such names."""
        context = self.context
        if not any(name.startswith("llvm.fma.") for name in context.declarations):
            return
        from mlrift.backends.llvm.support_fma import (  # noqa: PLC0415 - for few objects
            local_fma_functions,
        )

        known = context.symbols.functions.values()
        for name, text in local_fma_functions().items():
            if f"@{name}" not in known:
                context.declare(name, text)
        context.kept.update({"@fma", "@fmaf"}.difference(known))

    def _kept(self) -> list[str]:
        """Return the list by which LLVM keeps functions that nothing refers to."""
        names = [
            f"ptr {self.context.symbols.functions[row.name]}"
            for row in self.module.functions.values()
            if row.linkage is Linkage.KEPT
            or row.assembly is not None
            or row.name in self.module.encoded
        ]
        names += [f"ptr {name}" for name in sorted(self.context.kept)]
        if not names:
            return []
        kind = f"appending global [{len(names)} x ptr]"
        return [f'@llvm.compiler.used = {kind} [{", ".join(names)}], section "llvm.metadata"']

    def _global(self, made: Global) -> str:
        name = self.context.symbols.globals[made.name]
        linkage = self.linkages[made.linkage]
        kind = "constant" if made.is_constant else "global"
        if made.linkage is Linkage.EXTERNAL:
            return f"{name} = external {linkage}{kind} [{made.size_bytes} x i8], align {made.align}"
        if len(made.data) > made.size_bytes:
            raise BackendError(
                f"global `{made.name}` has more data than its {made.size_bytes} bytes"
            )
        section = self._data_section(made)
        debug = ""
        if self.debug is not None and made.source is not None:
            debug = self.debug.static(made.source)
        align = max(made.align, 1)
        return f"{name} = {linkage}{kind} {_contents(made)}{section}, align {align}{debug}"

    def _data_section(self, made: Global) -> str:
        if not self.is_portable:
            return ""
        prefix = ".data" if made.data.strip(b"\0") else ".bss"
        if made.is_constant:
            prefix = ".rodata"
        return f', section "{prefix}.{escape(made.name)}"'

    def _declarations(self) -> list[str]:
        """Declare what is called but not defined, each symbol once: `c.NAME` may be NAME."""
        symbols = self.context.symbols.functions
        rows: dict[str, str] = {}
        defined = set()
        for name, function in self.module.functions.items():
            symbol = symbols[name]
            if function.linkage is not Linkage.EXTERNAL:
                defined.add(symbol)
            elif name in self.module.encoded:
                rows[symbol] = self._encoded(function, symbol)
            else:
                rows.setdefault(symbol, self._declaration(function, symbol))
        return [row for symbol, row in rows.items() if symbol not in defined]

    def _encoded(self, function: Function, name: str) -> str:
        """Define a function by its machine code.

        `naked`, and a place in the list of `_kept`, stop all guesses about callers and results.
        """
        kind = self._result(function)
        head = f"define internal {kind} {name}({_parameter_types(function)}) #2"
        return head + machine_code_body(self.module.encoded[function.name], kind)

    def _assembled(self, function: Function, assembly: Assembly) -> str:
        """Define a function by its assembly."""
        self.context.is_shared = False
        name = self.context.symbols.functions[function.name]
        kind = self._result(function)
        convention = self.context.convention(function)
        head = f"define {self.linkages[function.linkage]}{convention}{kind} {name}"
        head += f"({_parameter_types(function)}) #2{self._code_section(function)}"
        return head + machine_code_body(encode_assembly(function, assembly, self.target), kind)

    def _declaration(self, function: Function, name: str) -> str:
        convention = self.context.convention(function)
        group = "#0" if function.returns else "#1"
        head = f"declare {self.linkages[function.linkage]}{convention}{self._result(function)}"
        # Calls may differ from what LLVM would make of the machine types.
        parameters = "..." if function.foreign is not None else _parameter_types(function)
        return f"{head} {name}({parameters}) {group}"

    def _result(self, function: Function) -> str:
        if function.name in self.context.pointer_functions:
            return "noalias ptr"
        return result_type(function.results)

    def _define(self, function: Function, lines: list[str]) -> None:
        """Append the definition of a function; errors get the function's name."""
        debug = None
        source, span = function.source, function.span
        if self.debug is not None and source is not None and span is not None:
            debug = FunctionDebug(self.debug, source, span)
        _refuse_naked_body(function)
        if function.level:
            self.context.is_shared = False
            if group_of_level(function, self.target) is None:
                lines.append(self._left_out(function))
                return
        self.context.depends_on_generation = False
        try:
            body = self._body(function, function.level, debug)
        except (BackendError, KeyError) as error:
            raise BackendError(f"in function `{function.name}`: {_explain(error)}") from error
        name = self.context.symbols.functions[function.name]
        linkage = self.linkages[function.linkage]
        if function.from_c is not None:
            inner = self._enter_from_c(function, name, lines)
            if inner != name:
                name, linkage = inner, self.linkages[Linkage.INTERNAL]
        parameters = ", ".join(
            [f"{VALUE_TYPE[row.type]} %{index}" for index, row in enumerate(function.parameters)]
        )
        attachment = debug.attachment if debug is not None else ""
        result, section = self._result(function), self._code_section(function)
        generations = generations_of(function, self.target, self.options)
        bodies = self._bodies(function, body, generations)
        kept = [row for row in generations if row.level in bodies]
        if generations:
            self.context.is_shared = False
        if kept:
            declare_detection(self.context, self.target)
            detect = detection(self.target)
            versions = Versions(name, result, parameters, section, kept, detect)
            lines += versions.definitions(bodies)
            body = versions.choice()
        group = group_of_level(function, self.target) or _group(function)
        head = f"{linkage}{result} {name}({parameters})"
        lines.append(f"define {head} {group}{section}{attachment} {{")
        lines.extend(body)
        lines.append("}")
        if debug is not None:
            debug.finish(function)

    def _bodies(
        self, function: Function, body: list[str], generations: list[Generation]
    ) -> dict[int, list[str]]:
        """Return the body for every level, in its own words where the level matters.

        Levels that matter only then have none if it is the same as that of the level below.
        """
        bodies, below = {EVERY_PROCESSOR: body}, body
        is_level_text = self.context.depends_on_generation
        for row in generations:
            found = self._body(function, row.level, None) if is_level_text else body
            if not row.is_for_words or found != below:
                bodies[row.level] = below = found
        return bodies

    def _body(self, function: Function, level: int, debug: FunctionDebug | None) -> list[str]:
        """Return the body of a function for a level."""
        self.context.generation = level
        if function.is_simd and debug is None and asks_for_level(function):
            self.context.depends_on_generation = True
            function = specialised(function, level)
        return function_body(self.context, function, self.table, debug)

    def _left_out(self, function: Function) -> str:
        """Return the definition of a function for processors that this CPU does not have."""
        name = self.context.symbols.functions[function.name]
        linkage, result = self.linkages[function.linkage], self._result(function)
        head = f"define {linkage}{result} {name}({_parameter_types(function)}) #0"
        return f"{head}{self._code_section(function)} {{\n  unreachable\n}}"

    def _enter_from_c(self, function: Function, name: str, lines: list[str]) -> str:
        """Append the entry that C needs, if it needs one; return the function's own name then."""
        from mlrift.backends.llvm.foreign_entries import (  # noqa: PLC0415 - rarely needed
            INNER_SUFFIX,
            entry_text,
            needs_entry,
        )

        convention = self.context.address_convention
        if not needs_entry(function, convention, self.receive):
            return name
        inner = quote(function.name + INNER_SUFFIX)
        linkage = self.linkages[function.linkage]
        head = f"define {linkage}{convention}{self._result(function)} {name}"
        place, suffix = self._artificial(function, ".entry")
        attributes = f"#0{self._code_section(function)}{place}"
        lines += entry_text(function, self.receive, head, inner, (attributes, suffix))
        return inner

    def _artificial(self, function: Function, ending: str) -> tuple[str, str]:
        """Return the debug attachments of an entry of a function and of its instructions."""
        if self.debug is None or function.source is None or function.span is None:
            return "", ""
        return self.debug.entry(function.name + ending, function.span)

    def _code_section(self, function: Function) -> str:
        if self.is_portable:
            return f' section ".text.{escape(function.name)}"'
        if function.section is None:
            return ""
        is_macho = self.options.object_format is ObjectFormat.MACHO
        name = macho_section(function.section) if is_macho else function.section
        return f' section "{escape(name)}"'

    def _words_entry(self, function: Function) -> str:
        """Write the entry that takes and gives words: the others as their bits, void as 0."""
        name = self.context.symbols.words_entry(function.name)
        section = f' section ".text.{escape(function.name)}.words"' if self.is_portable else ""
        count = len(function.parameters)
        parameters = ", ".join([f"i64 %{index}" for index in range(count)])
        place, suffix = self._artificial(function, WORDS_SUFFIX)
        own = self.context.address_convention
        lines = [f"define internal {own}i64 {name}({parameters}) #0{section}{place} {{", "entry:"]
        arguments = []
        for index, parameter in enumerate(function.parameters):
            kind = VALUE_TYPE[parameter.type]
            if parameter.type is F64:
                lines.append(f"  %a{index} = bitcast i64 %{index} to double")
            elif parameter.type is F32:
                lines.append(f"  %w{index} = trunc i64 %{index} to i32")
                lines.append(f"  %a{index} = bitcast i32 %w{index} to float")
            operand = f"%{index}" if parameter.type is I64 else f"%a{index}"
            arguments.append(f"{kind} {operand}")
        target = self.context.symbols.functions[function.name]
        convention = self.context.convention(function)
        call = f"call {convention}{self._result(function)} {target}({', '.join(arguments)}){suffix}"
        lines += [*self._words_result(function, call), "}"]
        return "\n".join(lines)

    def _words_result(self, function: Function, call: str) -> list[str]:
        if not function.results:
            return [f"  {call}", "  ret i64 0"]
        if function.name in self.context.pointer_functions:
            return [f"  %r = {call}", "  %v = ptrtoint ptr %r to i64", "  ret i64 %v"]
        lines, result = [f"  %r = {call}"], "%r"
        if len(function.results) > 1:
            lines.append(f"  %f = extractvalue {result_type(function.results)} %r, 0")
            result = "%f"
        if function.results[0] is F64:
            lines.append(f"  %v = bitcast double {result} to i64")
            result = "%v"
        elif function.results[0] is F32:
            lines += [f"  %b = bitcast float {result} to i32", "  %v = zext i32 %b to i64"]
            result = "%v"
        return [*lines, f"  ret i64 {result}"]


def _called_list(kind: str, function: str) -> str:
    """Return the list of functions that start code calls, in LLVM's order of priorities."""
    row = f"{{ i32, ptr, ptr }} {{ i32 65535, ptr {function}, ptr null }}"
    return f"@llvm.global_{kind} = appending global [1 x {{ i32, ptr, ptr }}] [{row}]"


def _parameter_types(function: Function) -> str:
    return ", ".join([VALUE_TYPE[row.type] for row in function.parameters])


def _contents(made: Global) -> str:
    """Return the type and the initial value; small whole sizes are integers."""
    size, data = made.size_bytes, made.data.rstrip(b"\0")
    if size in _WHOLE_SIZES:
        return f"i{size * 8} {int.from_bytes(data, 'little')}"
    if not data:
        return f"[{size} x i8] zeroinitializer"
    rest = size - len(data)
    if not rest:
        return f"[{size} x i8] {bytes_text(data)}"
    kind = f"<{{ [{len(data)} x i8], [{rest} x i8] }}>"
    return f"{kind} <{{ [{len(data)} x i8] {bytes_text(data)}, [{rest} x i8] zeroinitializer }}>"


def _group(function: Function) -> str:
    """Return the attributes of a definition."""
    group = "#2" if function.is_naked else "#0" if function.returns else "#1"
    if function.realigns_stack:
        group += ' "stackrealign"'
    if function.is_inline and not function.is_naked:
        group += " alwaysinline"
    return group


def _refuse_naked_body(function: Function) -> None:
    """LLVM aborts on naked functions that need a frame or their parameters."""
    if not function.is_naked:
        return
    for made in function.ops():
        if not isinstance(made, (Return, Unreachable)) or made.operands():
            raise BackendError(
                f"naked function `{function.name}` has a body other than assembly, "
                "which is not supported"
            )


def _explain(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"no definition or no rule for {error.args[0]!r}"
    return str(error)
