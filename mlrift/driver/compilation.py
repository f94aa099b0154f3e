"""A compilation that the cache could not answer: the stages, then the outcome as a value."""

from mlrift.container.fat import Slice
from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver import pipeline
from mlrift.driver.cache import Cache
from mlrift.driver.foreign import dynamic_report
from mlrift.driver.library_units import KernelCode
from mlrift.driver.link_mistakes import report_externs, report_link_mistake, report_sections
from mlrift.driver.modules import FileReader
from mlrift.driver.options import (
    KERNEL_PRODUCTS,
    CompileOptions,
    ErrorFormat,
    KernelRoad,
    Product,
)
from mlrift.driver.results import Companion, ResultCache, Stored
from mlrift.frontend.ast import Program
from mlrift.ir.core import Module
from mlrift.link.errors import DuplicateSymbolsError, ImageTooLargeError
from mlrift.targets import SYSTEMS, TARGETS, Target
from mlrift.values import replace

STATUS_FAILED = 1
LINKED_PRODUCTS = (Product.FAT, Product.EXECUTABLE, Product.LIBRARY)


class RecordingReader:
    """Reads files and remembers every path it was asked for."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def __call__(self, path: str) -> bytes:
        """Return the bytes of a file; raises OSError."""
        self.paths.append(path)
        with open(path, "rb") as file:
            return file.read()


def compile_source(
    options: CompileOptions, cache: Cache, fingerprint: str, results: ResultCache
) -> Stored:
    """Run the stages; keep a successful outcome for the next time."""
    sink = pipeline.new_sink(options)
    context = pipeline.BuildContext(options, sink, cache, fingerprint)
    reader = RecordingReader()
    outcome = _run(context, reader)
    if outcome.status == 0:
        results.keep(outcome, reader.paths)
    return outcome


def _run(context: pipeline.BuildContext, reader: FileReader) -> Stored:
    options, sink = context.options, context.sink
    program = pipeline.parse(context, reader)
    if sink.has_errors:
        pipeline.check_despite_missing_imports(context, program)
        return _failed(context)
    if options.product in KERNEL_PRODUCTS:
        return _kernel_product(context, program)
    typed = pipeline.check_types(context, program)
    if sink.has_errors:
        return _failed(context)
    if options.product is Product.CHECK:
        report = f"mlrc check: {options.source} - OK\n"
        return Stored(0, b"", _messages(options, sink), report)
    code = KernelCode.MERGED if options.dump_after else KernelCode.DECLARED
    module = pipeline.make_module(context, typed, kernels=code)
    if options.product in LINKED_PRODUCTS:
        report_externs(module, options, sink)
    elif options.product in (Product.OBJECT, Product.ARCHIVE):
        report_sections(module, options, sink)
    if sink.has_errors:
        return _failed(context)
    is_linked = options.product in LINKED_PRODUCTS
    is_text = options.error_format is not ErrorFormat.JSON
    dynamic = dynamic_report(module) if is_linked and is_text else ""
    companions, codes = _companions(context, program, module)
    if sink.has_errors:
        return _failed(context)
    pipeline.optimise_module(context, module)
    try:
        data, report = _product(context, module, program.token_count, codes)
    except (DuplicateSymbolsError, ImageTooLargeError) as error:
        report_link_mistake(error, module, sink)
        return _failed(context)
    messages = _messages(options, sink) + dynamic + _dumped(context)
    return Stored(0, data, messages, report, companions)


def _dumped(context: pipeline.BuildContext) -> str:
    """Return the IR after each step named in `--dump`."""
    return "".join(f"; after {name}\n{text}" for name, text in context.dumps)


def _kernel_product(context: pipeline.BuildContext, program: Program) -> Stored:
    """Return what is made of the kernels alone."""
    from mlrift.driver.device.building import kernel_product  # noqa: PLC0415 - in few builds

    made = kernel_product(context, program)
    if context.sink.has_errors:
        return _failed(context)
    return replace(made, messages=_messages(context.options, context.sink) + _dumped(context))


def _product(
    context: pipeline.BuildContext,
    module: Module,
    token_count: int,
    codes: list[tuple[str, bytes]],
) -> tuple[bytes, str]:
    options = context.options
    if options.product is Product.IR:
        from mlrift.ir.text.listing import list_module  # noqa: PLC0415 - for this product only

        return b"", context.unexpanded + list_module(module)
    target = options.targets[0]
    node_count = sum(1 for function in module.functions.values() for _ in function.ops())
    counts = f"{token_count} tokens, {node_count} nodes"
    if options.product is Product.ASSEMBLY:
        listing = pipeline.assembly(context, module, target).encode()
        return listing, _report(counts, listing, " (asm listing)")
    if options.product is Product.OBJECT:
        data = pipeline.compile_cpu(context, module, target.cpu)
        return data, _report(counts, data, " (relocatable)")
    if options.product is Product.ARCHIVE:
        from mlrift.driver.libraries import archive  # noqa: PLC0415 - for this product only

        assert context.interface is not None
        data = pipeline.compile_cpu(context, module, target.cpu)
        data = archive(context.interface, options, data)
        return data, _report(counts, data, "")
    made = pipeline.slices(context, module)
    if options.product is not Product.FAT:
        return made[0].image, _report(counts, made[0].image, "")
    return pipeline.pack(context, made, codes), _fat_report(made) + _code_report(codes)


def _companions(
    context: pipeline.BuildContext, program: Program, module: Module
) -> tuple[tuple[Companion, ...], list[tuple[str, bytes]]]:
    """Return the files beside the output, and the code objects that go into it.

    Mistakes in kernels are in the sink.
    """
    options = context.options
    if options.kernels is not KernelRoad.NONE:
        from mlrift.driver.device.building import kernel_files  # noqa: PLC0415 - in few builds

        made = kernel_files(context, program)
        if options.kernels is KernelRoad.NATIVE and not context.sink.has_errors:
            from mlrift.driver.device import card_launches  # noqa: PLC0415 - in few builds

            card_launches.embed(module, options, made)
            if card_launches.has_entries(options):
                codes = card_launches.codes_of(options, made)
                return () if card_launches.launches_itself(module) else made, codes
        return made, []
    if context.interface is None:
        return (), []
    from mlrift.driver.libraries import companions  # noqa: PLC0415 - for libraries only

    return companions(context.interface, options), []


def _report(counts: str, data: bytes, kind: str) -> str:
    return f"{counts}, {len(data)} bytes -> {{output}}{kind}\n"


def _fat_report(made: list[Slice]) -> str:
    if len(made) < len(TARGETS):
        return f"custom fat binary: {len(made)} slices -> {{output}}\n"
    sizes = [f"{_slice_name(row.target)}({len(row.image)})" for row in made]
    return f"fat binary: {' + '.join(sizes)} -> {{output}}\n"


def _code_report(codes: list[tuple[str, bytes]]) -> str:
    if not codes:
        return ""
    return f"device code: {' + '.join(f'{chip}({len(data)})' for chip, data in codes)}\n"


def _slice_name(target: Target) -> str:
    """Name a slice of the default system by its CPU alone."""
    return target.cpu.name if target.system is SYSTEMS[0] else target.name


def _failed(context: pipeline.BuildContext) -> Stored:
    from mlrift.driver.library_names import advise_imports  # noqa: PLC0415 - for mistakes only
    from mlrift.driver.resources import standard_library_root  # noqa: PLC0415

    advise_imports(context.sink, standard_library_root())
    text = _messages(context.options, context.sink)
    options = context.options
    if options.product is Product.CHECK and options.error_format is not ErrorFormat.JSON:
        text += f"{context.sink.error_count} error(s) found in {options.source}\n"
    return Stored(STATUS_FAILED, b"", text, "")


def _messages(options: CompileOptions, sink: DiagnosticSink) -> str:
    if not sink.diagnostics():
        return ""
    from mlrift.diagnostics.render import (  # noqa: PLC0415 - when there is something to say
        Color,
        render_json,
        render_report,
    )

    if options.error_format is ErrorFormat.JSON:
        return render_json(sink)
    coloured = options.error_format is ErrorFormat.COLOURED
    return render_report(sink, Color.ALWAYS if coloured else Color.NEVER)
