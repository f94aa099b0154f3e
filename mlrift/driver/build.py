"""One compilation from options to files, messages and an exit status."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path

from mlrift.driver.artifacts import NewFile, Permission, is_same_file, write_files
from mlrift.driver.cache import Cache
from mlrift.driver.fingerprint import compiler_fingerprint
from mlrift.driver.options import (
    KERNEL_PRODUCTS,
    PRINTED_PRODUCTS,
    CompileOptions,
    ErrorFormat,
    KernelRoad,
    Product,
)
from mlrift.driver.results import HEADER, SUFFIXES, Companion, ResultCache, Stored

STATUS_FAILED = 1
STATUS_SAME_FILE = 2
STACK_BYTES = 512 * 1024 * 1024
RECURSION_LIMIT = 200_000


def build(options: CompileOptions) -> int:
    """Compile as `options` say, print what there is to say and return the exit status."""
    output = options.output
    writes = options.product not in PRINTED_PRODUCTS
    if writes and output is not None and is_same_file(options.source, output):
        sys.stderr.write(
            f"mlrc: error: output '{output}' is the input file; "
            "give another name with -o (nothing was written)\n"
        )
        return STATUS_SAME_FILE
    header = options.header
    if header is not None and (is_same_file(options.source, header) or header == output):
        sys.stderr.write(
            f"mlrc: error: header '{header}' is another file of this compilation; "
            "give another name with --header (nothing was written)\n"
        )
        return STATUS_SAME_FILE
    return _deliver(options, compile_or_recall(options))


def compile_or_recall(options: CompileOptions) -> Stored:
    """Return the outcome of a compilation, from the cache when nothing has changed."""
    cache = Cache(options.cache_folder)
    fingerprint = compiler_fingerprint()
    results = ResultCache(cache, options, fingerprint)
    stored = results.find()
    if stored is None:
        if options.product not in (*PRINTED_PRODUCTS, *KERNEL_PRODUCTS):
            from mlrift.backends.llvm.library import preload  # noqa: PLC0415 - not on a hit

            preload()
        stored = on_deep_stack(lambda: _compile(options, cache, fingerprint, results))
    return stored


def on_deep_stack(action: Callable[[], Stored]) -> Stored:
    """Run `action` in a thread whose stack fits the deepest nesting the parser accepts."""
    outcome: list[Stored] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(action())
        except BaseException as error:
            failure.append(error)

    sys.setrecursionlimit(RECURSION_LIMIT)
    previous = threading.stack_size(STACK_BYTES)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(previous)
    if failure:
        raise failure[0]
    return outcome[0]


def _compile(
    options: CompileOptions, cache: Cache, fingerprint: str, results: ResultCache
) -> Stored:
    from mlrift.driver.compilation import compile_source  # noqa: PLC0415 - not needed on a hit

    return compile_source(options, cache, fingerprint, results)


def _deliver(options: CompileOptions, stored: Stored) -> int:
    sys.stderr.write(stored.messages)
    if stored.status != 0:
        return stored.status
    if options.product in PRINTED_PRODUCTS:
        sys.stdout.write(stored.report)
        return 0
    output = options.output
    assert output is not None
    executable = options.product in (Product.EXECUTABLE, Product.LIBRARY)
    permission = Permission.EXECUTABLE if executable else Permission.PLAIN
    files = [NewFile(output, stored.data, permission)]
    for row in stored.companions:
        files.append(NewFile(_companion_path(options, row), row.data, Permission.PLAIN))
    try:
        write_files(files)
    except OSError as error:
        _report_unwritable(options, str(error.filename or output), error)
        return STATUS_FAILED
    sys.stdout.write(stored.report.replace("{output}", str(output)))
    for row, file in zip(stored.companions, files[1:], strict=True):
        sys.stdout.write(f"{row.kind} -> {file.path}\n")
    if options.kernels is KernelRoad.HIP and stored.companions:
        from mlrift.driver.device.hipcc import compile_hip  # noqa: PLC0415 - for one target

        return compile_hip(files[-1].path, options.chips)
    return 0


def _companion_path(options: CompileOptions, companion: Companion) -> Path:
    """Return where a file beside the output goes."""
    assert options.output is not None
    if companion.ending:
        return options.output.with_name(options.device_stem + companion.ending)
    if companion.kind == HEADER and options.header is not None:
        return options.header
    return options.output.with_name(options.library_stem + SUFFIXES[companion.kind])


def _report_unwritable(options: CompileOptions, path: str, error: OSError) -> None:
    from mlrift.diagnostics.catalog import OUTPUT_NOT_WRITABLE  # noqa: PLC0415 - rarely needed
    from mlrift.diagnostics.render import render_json  # noqa: PLC0415
    from mlrift.diagnostics.sink import DiagnosticSink  # noqa: PLC0415

    reason = (error.strerror or str(error)).lower()
    diagnostic = OUTPUT_NOT_WRITABLE.at(None, path=f"{path}: {reason}")
    if options.error_format is ErrorFormat.JSON:
        sink = DiagnosticSink()
        sink.emit(diagnostic)
        sys.stderr.write(render_json(sink))
    else:
        sys.stderr.write(f"mlrc: error: {diagnostic.message}\n")
