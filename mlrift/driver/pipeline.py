"""The stages of a compilation in order: files -> AST -> typed model -> IR -> objects -> images.

Each function is one step that takes one structure and gives the next; `build.py` strings them
together and writes the result.
"""

import os
import sys
from collections.abc import Sequence

from mlrift import VERSION
from mlrift.backends import hosts
from mlrift.backends.llvm import objects as llvm
from mlrift.backends.platforms import OsLayerKind, platform_for
from mlrift.container.fat import (
    Extra,
    ExtraKind,
    Slice,
    build_note,
    write_fat,
    write_fat_version2,
)
from mlrift.diagnostics.catalog import (
    CODE_NAME_KINDS,
    IMPORTED_NAME_KINDS,
    MISSING_IMPORT_KINDS,
    TYPE_SHAPE_KINDS,
)
from mlrift.diagnostics.model import Severity
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver import foreign, heap_object, library_units, os_objects
from mlrift.driver.cache import Cache
from mlrift.driver.heap_owner import HeapZone, heap_owner_file
from mlrift.driver.modules import FileReader, load_program
from mlrift.driver.options import (
    MOST_LEVELS,
    CompileOptions,
    DebugInfo,
    FatFormat,
    KernelRoad,
    Optimisation,
    Product,
    RuntimeChecks,
    Startup,
    Teardown,
    TypeShapes,
)
from mlrift.driver.parts import Library, LibraryPart, Parts, no_library
from mlrift.driver.resources import standard_library_root
from mlrift.frontend import check, lower
from mlrift.frontend.ast import Program
from mlrift.frontend.symbols import FREESTANDING_START
from mlrift.frontend.typed import TypedProgram
from mlrift.ir.core import Linkage, Module
from mlrift.ir.passes.pipeline import Observer, optimise
from mlrift.ir.passes.pipeline import OptimisationLevel as IrLevel
from mlrift.link.image import DebugInfo as LinkDebugInfo
from mlrift.link.image import LinkOptions, link
from mlrift.link.objects import ObjectFile
from mlrift.link.read_elf import read_elf
from mlrift.static_types import TYPE_CHECKING
from mlrift.targets import Cpu, ObjectFormat, Target
from mlrift.values import field, record, replace

if TYPE_CHECKING:
    from mlrift.interface.model import Interface
    from mlrift.ir.passes.domain_pipeline import DomainOps

CHECKS = {
    RuntimeChecks.NONE: (lower.RuntimeChecks.NONE, HeapZone.BYTES),
    RuntimeChecks.DEBUG: (lower.RuntimeChecks.DEBUG, HeapZone.BYTES),
    RuntimeChecks.GUARD_PAGES: (lower.RuntimeChecks.GUARD_PAGES, HeapZone.PAGES),
}
# The name by which `--dump=after:NAME` asks for the IR before any pass.
LOWERING = "lowering"
# What every family of domain ops imports: without them no module has any.
DOMAIN_OPS_MODULES = (
    "mlrift.ir.ops.device",
    "mlrift.ir.ops.tensor_types",
    "mlrift.ir.ops.population",
)
# What lowering imports for operations on vectors.
VECTOR_BUILTINS = "mlrift.frontend.builtins.vector"
REQUIREMENTS = {
    Product.OBJECT: check.MainRequirement.OBJECT,
    Product.LIBRARY: check.MainRequirement.EXPORTS,
    Product.ARCHIVE: check.MainRequirement.EXPORTS,
    Product.CHECK: check.MainRequirement.LIBRARY,
    Product.ASSEMBLY: check.MainRequirement.LISTING,
    Product.IR: check.MainRequirement.LISTING,
}
ROLES = {
    Product.OBJECT: lower.LowerRole.OBJECT,
    Product.LIBRARY: lower.LowerRole.C_LIBRARY,
    Product.ARCHIVE: lower.LowerRole.C_LIBRARY,
    Product.ASSEMBLY: lower.LowerRole.LISTING,
    Product.IR: lower.LowerRole.LISTING,
}
# Modules with a version for this road, which imports of the other one get.
REDIRECTED_IMPORTS = {
    KernelRoad.NATIVE: {
        "hip.mlr": "hip_kfd.mlr",
        "device_memory.mlr": "device_memory_kfd.mlr",
    }
}


@record
class BuildContext:
    """What the stages of one compilation share; a library has an interface once it is checked."""

    options: CompileOptions
    sink: DiagnosticSink
    cache: Cache
    fingerprint: str
    interface: "Interface | None" = None
    dumps: list[tuple[str, str]] = field(default_factory=list)
    loader_functions: tuple[str, str] = ("", "")
    unexpanded: str = ""


def new_sink(options: CompileOptions) -> DiagnosticSink:
    """Return an empty sink that counts type-shape findings as the options say.

    `mlrc check` generates no code, so the names that only code needs are warnings (cli.md 3.1).
    """
    demoted = TYPE_SHAPE_KINDS if options.type_shapes is TypeShapes.WARNINGS else ()
    names = CODE_NAME_KINDS if options.product is Product.CHECK else ()
    return DiagnosticSink((*demoted, *names))


def parse(context: BuildContext, reader: FileReader) -> Program:
    """Read and parse the root file and everything it imports."""
    roots = (*context.options.library_roots, standard_library_root())
    redirected = REDIRECTED_IMPORTS.get(context.options.kernels, {})
    return load_program(context.options.source, roots, context.sink, reader, redirected)


def check_types(context: BuildContext, program: Program) -> TypedProgram:
    """Resolve and check; errors are in the sink."""
    return check.check_program(program, check_options(context), context.sink)


def check_options(context: BuildContext) -> check.CheckOptions:
    """Return what the options mean for checking."""
    entry = REQUIREMENTS.get(context.options.product, check.MainRequirement.EXECUTABLE)
    cpus = dict.fromkeys(target.cpu for target in context.options.targets)
    return check.CheckOptions(
        entry=entry,
        cpus=() if context.options.product is Product.CHECK else tuple(cpus),
        assemblers=tuple(row.assembler for row in hosts()),
    )


def check_despite_missing_imports(context: BuildContext, program: Program) -> None:
    """Report what is wrong with a program whatever its missing imports would declare."""
    if any(row.kind not in MISSING_IMPORT_KINDS for row in context.sink.diagnostics()):
        return
    found = new_sink(context.options)
    check.check_program(program, check.CheckOptions(check.MainRequirement.LIBRARY), found)
    for row in found.diagnostics():
        if row.severity is Severity.ERROR and row.kind not in IMPORTED_NAME_KINDS:
            context.sink.emit(row)


def make_module(
    context: BuildContext,
    typed: TypedProgram,
    domain_ops: "DomainOps | None" = None,
    kernels: library_units.KernelCode = library_units.KernelCode.MERGED,
) -> Module:
    """Lower to IR and add what the core library provides; not optimised yet.

    Domain ops are expanded unless `domain_ops` says otherwise. Matrix kernels may be declared only
    if the module is just linked, and if it is linked with objects that are ready.
    """
    options = context.options
    is_freestanding = options.startup is Startup.FREESTANDING
    start = lower.LowerRole.FREESTANDING if is_freestanding else lower.LowerRole.PROGRAM
    role = ROLES.get(options.product, start)
    checks, zone = CHECKS[options.checks]
    names = (
        lower.SourceNames.KEPT
        if options.debug_info is DebugInfo.FULL
        else lower.SourceNames.DROPPED
    )
    statics = lower.ExportedStatics.DIRECT
    is_elf = options.targets[0].system.object_format is ObjectFormat.ELF
    if options.product is Product.LIBRARY and is_elf:
        statics = lower.ExportedStatics.BY_SLOT
    lowering = lower.LowerOptions(checks, names, role, exported_statics=statics)
    module = lower.lower_program(typed, lowering, options.source.stem)
    _prepare_for_cards(context, module)
    observe = observer(context)
    if observe is not None:
        observe(LOWERING, module)
    context.interface = typed.interface
    _expand_language_ops(module, observe, domain_ops)
    library_units.merge_core_library(module, zone, _kernel_code(context, module, kernels))
    if library_units.EXIT_REGISTER in module.functions:
        from mlrift.driver.exit_hooks import add_exit_hooks  # noqa: PLC0415 - in few programs

        add_exit_hooks(module)
        _give_back_at_traps(context, module)
    if library_units.PARALLEL_RUN in module.functions:
        from mlrift.driver import kept_environment  # noqa: PLC0415 - in few programs

        if options.product in (Product.LIBRARY, Product.ARCHIVE):
            kept_environment.add_library_start(module)
        kept_environment.keep_environment(module)
    if options.product is Product.LIBRARY:
        from mlrift.driver.loader_functions import (  # noqa: PLC0415 - for libraries only
            add_loader_functions,
        )

        context.loader_functions = add_loader_functions(module, options.targets[0])
    if options.product is Product.ARCHIVE:
        from mlrift.driver.loader_functions import add_start_code  # noqa: PLC0415 - for archives

        add_start_code(module, options.targets[0])
    if options.product in (Product.OBJECT, Product.ARCHIVE):
        library_units.merge_os_layer(module, options.targets[0])
    return module


def _give_back_at_traps(context: BuildContext, module: Module) -> None:
    """Let failed checks of a program that drives a card give it back."""
    if context.options.kernels is KernelRoad.NATIVE:
        from mlrift.driver import teardown  # noqa: PLC0415 - for programs of cards

        if context.options.teardown is Teardown.AUTOMATIC:
            teardown.give_back_at_traps(module)


def _prepare_for_cards(context: BuildContext, module: Module) -> None:
    """Carry out the options of programs for AMD cards, in few of which there is anything to do."""
    if context.options.kernels is KernelRoad.NATIVE:
        from mlrift.driver.device.card_launches import launch_on_card  # noqa: PLC0415

        launch_on_card(module, context.options)
    if context.options.teardown is Teardown.BY_PROGRAM:
        from mlrift.driver import teardown  # noqa: PLC0415 - for an option

        teardown.leave_teardown_to_the_program(module)


def _kernel_code(
    context: BuildContext, module: Module, wanted: library_units.KernelCode
) -> library_units.KernelCode:
    """Return what is wanted if the program is linked with parts that were compiled before."""
    takes_ready_objects = (
        context.options.product in (Product.EXECUTABLE, Product.FAT)
        and context.options.debug_info is DebugInfo.NONE
        and context.interface is None
        and not foreign.declared_functions(module)
    )
    return wanted if takes_ready_objects else library_units.KernelCode.MERGED


def _expand_language_ops(
    module: Module, observe: Observer | None, domain_ops: "DomainOps | None"
) -> None:
    """Leave neither functions with vectors nor, unless they are wanted, domain ops."""
    if VECTOR_BUILTINS in sys.modules:
        from mlrift.ir.passes.inline_vectors import PASS as INLINE  # noqa: PLC0415 - in few

        INLINE.run(module)
        if observe is not None:
            observe(INLINE.name, module)
    if not any(name in sys.modules for name in DOMAIN_OPS_MODULES):
        return
    from mlrift.ir.passes.domain_pipeline import (  # noqa: PLC0415 - in few programs
        DomainOps,
        expand_domain_ops,
    )

    expand_domain_ops(module, observe, domain_ops or DomainOps.EXPANDED)


def observer(context: BuildContext) -> Observer | None:
    """Return what notes the IR after each step named in `--dump`; None when none is.

    For `--emit=ir` it notes what has domain ops before they are expanded.
    """
    is_listed = context.options.product is Product.IR
    if not context.options.dump_after and not is_listed:
        return None

    def observe(name: str, now: Module) -> None:
        if is_listed and name == LOWERING:
            from mlrift.ir.text.listing import list_domain_ops  # noqa: PLC0415 - for this only

            context.unexpanded = list_domain_ops(now)
        if name in context.options.dump_after:
            from mlrift.ir.text import print_module  # noqa: PLC0415 - for `--dump` only

            context.dumps.append((name, print_module(now)))

    return observe


def optimise_module(context: BuildContext, module: Module) -> list[tuple[str, str]]:
    """Run the IR passes; return the IR after each step named in `--dump`."""
    full = context.options.optimisation is Optimisation.FULL
    wanted = observer(context)
    quick = IrLevel.STEPPING if context.options.debug_info is DebugInfo.FULL else IrLevel.NONE
    optimise(module, IrLevel.FULL if full else quick, wanted)
    return context.dumps


def compile_cpu(context: BuildContext, module: Module, cpu: Cpu) -> bytes:
    """Generate the portable object of a CPU, or the native one of a single target."""
    return llvm.compile_object(module, cpu, codegen_options(context))


def assembly(context: BuildContext, module: Module, target: Target) -> str:
    """Return the assembly listing of a target: offsets, bytes and mnemonics."""
    return llvm.compile_listing(module, target.cpu, codegen_options(context))


def link_target(
    context: BuildContext,
    module: Module,
    program: list[ObjectFile],
    target: Target,
    ready: tuple[str, ...] = (),
) -> bytes:
    """Link the objects of a program with the OS layer of a target, and with what is ready."""
    platform = platform_for(target.system)
    debug = context.options.debug_info is DebugInfo.FULL
    is_elf = target.system.object_format is ObjectFormat.ELF
    os_layer = os_objects.os_layer_with_frames if debug and is_elf else os_objects.os_layer
    imports = foreign.program_imports(module, target)
    has_c = bool(imports) or context.interface is not None
    kind = platform.layer_kind(OsLayerKind.WITH_C if has_c else OsLayerKind.ALONE)
    needing = list(program)
    for name in ready:
        needing.append(os_objects.ready(target.cpu, name, context.cache, context.fingerprint))
    objects = [
        *needing,
        *os_layer(needing, target, kind, context.cache, context.fingerprint),
        os_objects.support(target.cpu, context.cache, context.fingerprint),
    ]
    keep = tuple(
        function.name
        for function in module.functions.values()
        if function.linkage is Linkage.EXPORTED
    )
    is_freestanding = context.options.startup is Startup.FREESTANDING
    library = None
    if context.interface is not None:
        from mlrift.driver.libraries import shared_library  # noqa: PLC0415 - for libraries only

        functions = context.loader_functions
        library, keep = shared_library(context.interface, context.options, functions), ()
    options = LinkOptions(
        entry=FREESTANDING_START if is_freestanding else foreign.start_symbol(target, imports),
        keep=keep,
        imports=platform.imports() | imports,
        identifier=context.options.source.stem,
        debug=LinkDebugInfo.KEEP if debug else LinkDebugInfo.STRIP,
        library=library,
    )
    return link(objects, target, options)


def slices(context: BuildContext, module: Module) -> list[Slice]:
    """Link every target of the options; one object serves all systems with its CPU.

    Not when C functions are called: every system has conventions of its own.
    """
    targets = context.options.targets
    if context.interface is None and not foreign.declared_functions(module):
        return _slices_of_native(context, module)
    made: dict[str, Slice] = {}
    for system in dict.fromkeys(target.system for target in targets):
        codegen = replace(
            codegen_options(context), system=system, addresses=llvm.FunctionAddresses.C
        )
        own = [target for target in targets if target.system is system]
        made |= {
            row.target.name: row for row in _slices_of(context, Parts([module], []), own, codegen)
        }
    return [made[target.name] for target in targets]


def _slices_of_native(context: BuildContext, module: Module) -> list[Slice]:
    """Link a program without C functions; heap and kernels are objects that were made before."""
    targets, codegen = context.options.targets, codegen_options(context)
    ready: tuple[str, ...] = ()
    parts = Parts([module], [])
    if context.options.debug_info is DebugInfo.NONE:
        module, ready = without_ready_objects(context, module)
        parts = Parts([module], [])
        if codegen.level is llvm.OptimisationLevel.FULL and _has_parts(module):
            from mlrift.driver.program_parts import split  # noqa: PLC0415 - in few programs

            parts = split(module, _library_of(context, module))
    return _slices_of(context, parts, targets, codegen, ready)


def without_ready_objects(context: BuildContext, module: Module) -> tuple[Module, tuple[str, ...]]:
    """Return a module without what was made before, and the names of those objects."""
    ready: tuple[str, ...] = ()
    has_heap = heap_object.has_heap(module)
    if any(name in module.functions for name in library_units.RUNTIME_SIGNS):
        from mlrift.driver import runtime_objects  # noqa: PLC0415 - in few programs

        for runtime in runtime_objects.RUNTIMES.values():
            if runtime.sign in module.functions:
                ready += (runtime.part,)
                module = runtime_objects.without_runtime(module, runtime)
    if any(name in module.functions for name in library_units.KERNEL_RUNS):
        from mlrift.driver import kernel_objects  # noqa: PLC0415 - in few programs

        ready += kernel_objects.kernel_parts(module)
        module = kernel_objects.without_kernels(module)
    if has_heap:
        ready = (heap_owner_file(module), *ready)
        module = heap_object.without_heap(module)
    return module, ready


def _library_of(context: BuildContext, module: Module) -> Library:
    """Return what finds compiled files of the library, unless options make them different."""
    options = context.options
    is_plain = (
        options.product in (Product.EXECUTABLE, Product.FAT)
        and options.checks is RuntimeChecks.NONE
        and options.kernels is KernelRoad.NONE
        and options.teardown is Teardown.AUTOMATIC
        and options.processor_level == MOST_LEVELS
        and not module.called_at_trap
        and library_units.EXIT_REGISTER not in module.functions
    )
    if not is_plain:
        return no_library

    def find(files: list[str]) -> dict[str, LibraryPart]:
        if not files:
            return {}
        from mlrift.driver.library_parts import library_parts  # noqa: PLC0415 - in few programs

        cpus = list(dict.fromkeys(target.cpu for target in options.targets))
        return library_parts(files, cpus, context.cache, context.fingerprint)

    return find


def _has_parts(module: Module) -> bool:
    """Whether a program may be compiled in parts: it has levels, or much of the library."""
    return any(
        row.blocks and (row.is_simd or (row.span is not None and row.span.file.is_library))
        for row in module.functions.values()
    )


def _slices_of(
    context: BuildContext,
    parts: Parts,
    targets: Sequence[Target],
    codegen: llvm.CodegenOptions,
    ready: tuple[str, ...] = (),
) -> list[Slice]:
    """Generate code once per CPU and link every target, with objects that are ready.

    The modules after the first are parts of the program that the cache may have.
    """
    modules = parts.modules
    module = modules[0]
    cpus = list(dict.fromkeys(target.cpu for target in targets))
    if len(modules) > 1:
        from mlrift.driver.part_objects import compile_units  # noqa: PLC0415 - in few programs

        data = compile_units(modules, cpus, codegen, context.cache)
    else:
        single = llvm.compile_objects(module, cpus, codegen)
        data = {name: [found] for name, found in single.items()}
    names = [context.options.source.stem, *(row.name for row in modules[1:])]
    for part in parts.library:
        names += part.units
        for name, found in part.objects.items():
            data[name] += found
    compiled = {
        cpu: [read_elf(row, name) for row, name in zip(rows, names, strict=True)]
        for cpu, rows in data.items()
    }
    return [
        Slice(target, link_target(context, module, compiled[target.cpu.name], target, ready))
        for target in targets
    ]


def pack(context: BuildContext, made: list[Slice], codes: Sequence[tuple[str, bytes]]) -> bytes:
    """Return the fat file of the slices and of code objects for cards, by the names of chips."""
    if context.options.fat_format is FatFormat.VERSION_2:
        return write_fat_version2(made)
    extras = [Extra(ExtraKind.DEVICE_CODE, chip, data) for chip, data in codes]
    note = build_note(VERSION, [context.options.optimisation.value])
    return write_fat(made, [*extras, note])


def codegen_options(context: BuildContext) -> llvm.CodegenOptions:
    """Return what the options mean for code generation."""
    options = context.options
    native = options.product in (Product.OBJECT, Product.ARCHIVE, Product.ASSEMBLY)
    full = options.optimisation is Optimisation.FULL
    return llvm.CodegenOptions(
        level=llvm.OptimisationLevel.FULL if full else llvm.OptimisationLevel.NONE,
        flavour=llvm.ObjectFlavour.NATIVE if native else llvm.ObjectFlavour.PORTABLE,
        system=options.targets[0].system,
        debug=llvm.DebugInfo.FULL if options.debug_info is DebugInfo.FULL else llvm.DebugInfo.NONE,
        path_prefixes=path_prefixes(options),
        processor_level=options.processor_level,
    )


def path_prefixes(options: CompileOptions) -> tuple[tuple[str, str], ...]:
    """Return what debug information shows for the folders of libraries on this machine."""
    bundled = os.path.join(standard_library_root(), "std", "")
    others = [os.path.join(root, "") for root in options.library_roots]
    return ((bundled, "std/"), *[(root, "") for root in others])


def shown_path(options: CompileOptions, path: str) -> str:
    """Return the path of a source as debug information and comments show it."""
    for prefix, shown in path_prefixes(options):
        if path.startswith(prefix):
            return shown + path.removeprefix(prefix)
    return path
