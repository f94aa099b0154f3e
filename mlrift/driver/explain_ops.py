"""`mlrc --explain-ops`: what was fused, and what each loop of a model or a tensor costs.

Options in, a report out. The limit of time is bytes by bandwidth: what no code can be faster than
when nothing is in a cache.
"""

from collections.abc import Sequence

from mlrift.diagnostics.render import render_report
from mlrift.driver import pipeline
from mlrift.driver.build import on_deep_stack
from mlrift.driver.cache import Cache
from mlrift.driver.compilation import RecordingReader
from mlrift.driver.fingerprint import compiler_fingerprint
from mlrift.driver.options import CompileOptions
from mlrift.driver.results import Stored
from mlrift.frontend import lower
from mlrift.ir.analysis.op_costs import OpCost, costs
from mlrift.ir.core import Module
from mlrift.ir.passes.domain_pipeline import find_domain_pass, has_family
from mlrift.ir.passes.pipeline import run_pass

# Registers of vectors, in bits, by processor level.
_LEVELS = (("x86-64-v2", 128), ("x86-64-v3", 256), ("x86-64-v4", 512), ("arm64", 128))
_FUSION = (
    "remove_unreachable_blocks",
    "promote_tensor_slots",
    "fuse_tensors",
    "fuse_products",
)
_CLEANING = ("remove_unreachable_blocks", "promote_slots", "remove_dead_code")
_STATUS_FAILED = 1


def explain_ops(options: CompileOptions, gigabytes_per_second: float) -> Stored:
    """Return messages and the report."""
    return on_deep_stack(lambda: _explain(options, gigabytes_per_second))


def _explain(options: CompileOptions, gigabytes_per_second: float) -> Stored:
    cache = Cache(options.cache_folder)
    context = pipeline.BuildContext(
        options, pipeline.new_sink(options), cache, compiler_fingerprint()
    )
    program = pipeline.parse(context, RecordingReader())
    typed = None if context.sink.has_errors else pipeline.check_types(context, program)
    messages = render_report(context.sink) if context.sink.diagnostics() else ""
    if typed is None or context.sink.has_errors:
        return Stored(_STATUS_FAILED, b"", messages, "")
    module = lower.lower_program(typed, lower.LowerOptions(), options.source.stem)
    notes = _without_waste(module)
    if has_family("tensor", module):
        for name in _FUSION:
            find_domain_pass(name).run(module)
    for name in _CLEANING:
        run_pass(name, module)
    return Stored(0, b"", messages, report(module, gigabytes_per_second, notes))


def _without_waste(module: Module) -> list[str]:
    """Remove what a model need not keep, as a compilation does; return lines that say what."""
    notes = []
    if has_family("dynamics", module):
        from mlrift.ir.analysis.dead_state import dead_fields  # noqa: PLC0415 - models only

        fields = dead_fields(module)
        find_domain_pass("remove_dead_state").run(module)
        if fields:
            notes.append(f"not kept, for nobody reads it: {', '.join(fields)}")
    if has_family("csr", module):
        from mlrift.ir.passes.fold_weights import folded_variables  # noqa: PLC0415 - models only

        names = folded_variables(module)
        if names:
            notes.append(f"values of edges not kept, for all are one number: {', '.join(names)}")
    return notes


def report(module: Module, gigabytes_per_second: float, notes: Sequence[str] = ()) -> str:
    """Return the report on a module with domain ops; `notes` say what is not kept."""
    rows = costs(module)
    if not rows:
        return "no operations on models or tensors\n"
    text = "".join(_paragraph(row, gigabytes_per_second) for row in rows)
    text += "".join(f"{row}\n" for row in notes)
    return f"{text}limits of time are for {gigabytes_per_second:g} GB/s of memory (--bandwidth)\n"


def _paragraph(cost: OpCost, gigabytes_per_second: float) -> str:
    lines = [f"{_place(cost)}{cost.what}"]
    if cost.fused:
        lines.append(cost.fused)
    if cost.is_read:
        lines.append(f"reads (bytes): {_listed(cost.is_read)}")
    if cost.is_written:
        lines.append(f"writes (bytes): {_listed(cost.is_written)}")
    size = cost.read_bytes() + cost.written_bytes()
    both = f"{cost.read_bytes()} read, {cost.written_bytes()} written"
    lines.append(f"each {cost.unit}: {size} bytes ({both}){_operations(cost)}")
    if cost.element_bytes:
        lanes = [f"{bits // 8 // cost.element_bytes} {name}" for name, bits in _LEVELS]
        lines.append(f"vector lanes: {', '.join(lanes)}")
    if size:
        limit = size / gigabytes_per_second
        lines.append(f"not below {limit:.3g} ns each {cost.unit} from memory")
    return "\n    ".join(lines) + "\n"


def _place(cost: OpCost) -> str:
    if cost.span is None:
        return ""
    line, column = cost.span.file.line_and_column(cost.span.start)
    return f"{cost.span.file.path}:{line}:{column}: "


def _listed(columns: dict[str, int]) -> str:
    return ", ".join(f"{name} {size}" for name, size in columns.items())


def _operations(cost: OpCost) -> str:
    parts = [(cost.cheap, "+ - *"), (cost.dear, "/ sqrt"), (cost.compares, "compare")]
    parts += [(count, name.removeprefix("core.")) for name, count in cost.calls.items()]
    shown = [f"{count} {name}" for count, name in parts if count]
    return f"; {', '.join(shown)}" if shown else ""
