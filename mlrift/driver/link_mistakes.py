"""What a program can ask of a linker in vain, as diagnostics; other link errors are our bugs."""

from mlrift.backends.llvm.sections import section_problem
from mlrift.diagnostics import catalog
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver.foreign import targets_without
from mlrift.driver.options import CompileOptions, Product
from mlrift.ir.core import Function, Module
from mlrift.link.errors import DuplicateSymbolsError, ImageTooLargeError
from mlrift.targets import TARGETS, Target


def report_externs(module: Module, options: CompileOptions, sink: DiagnosticSink) -> None:
    """Emit a diagnostic for every C function that a target's executables cannot call.

    The module is fresh from lowering, which declares the extern functions that reachable code
    calls: whether there is an error must not depend on what the passes remove.
    """
    for function in module.functions.values():
        if function.is_foreign:
            lacking = targets_without(function, options.targets)
            if lacking:
                _report(function, lacking, options, sink)


def report_sections(module: Module, options: CompileOptions, sink: DiagnosticSink) -> None:
    """Emit a diagnostic for every section that the format of an object cannot have."""
    object_format = options.targets[0].system.object_format
    for function in module.functions.values():
        section = function.section
        if section is not None:
            reason = section_problem(section, object_format)
            if reason:
                diagnostic = catalog.IMPOSSIBLE_SECTION.at(
                    function.span, name=function.name, section=section, reason=reason
                )
                sink.emit(diagnostic)


def report_link_mistake(
    error: DuplicateSymbolsError | ImageTooLargeError, module: Module, sink: DiagnosticSink
) -> None:
    """Emit what the linker found; raise it again when no function of the program is the cause."""
    if isinstance(error, ImageTooLargeError):
        sink.emit(catalog.IMAGE_TOO_LARGE.at(None, size_bytes=error.size_bytes))
        return
    for name in error.names:
        function = module.functions.get(name)
        if function is None or function.span is None:
            raise error
        diagnostic = catalog.DUPLICATE_SYMBOL.at(function.span, name=name)
        sink.emit(diagnostic.note("programs that mlrc links define it: do not `@export` it here"))


def _report(
    function: Function, lacking: list[Target], options: CompileOptions, sink: DiagnosticSink
) -> None:
    names = ", ".join(row.name for row in lacking)
    target = "any target" if len(lacking) == len(TARGETS) else names
    diagnostic = catalog.UNRESOLVED_EXTERN.at(function.span, name=function.name, target=target)
    diagnostic = diagnostic.note(_reason(function))
    sink.emit(diagnostic.help(_commands(options)))


def _reason(function: Function) -> str:
    """Return why nothing provides a function, and what the program may say instead."""
    libraries = function.foreign.libraries if function.foreign is not None else ()
    if libraries:
        return f"`@dynamic` names no library there, only {', '.join(libraries)}"
    return (
        "the C library there has no such function: name one that has it with `@dynamic`, "
        "or make an object and let a C compiler link it"
    )


def _commands(options: CompileOptions) -> str:
    """Return what to type instead."""
    chosen = ""
    target = options.targets[0]
    if options.product is Product.EXECUTABLE:
        chosen = f" --target={target.system.name} --arch={target.cpu.name}"
    stem = options.source.stem
    made = stem + target.system.object_suffix
    return f"mlrc -c{chosen} {options.source} -o {made} && cc {made} -o {stem}"
