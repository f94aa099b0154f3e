"""What is made of kernels: the files beside a program, or the one product that was asked for.

A parsed program in; files as values out. Mistakes in kernels are in the context's sink, and nothing
is made then.
"""

from collections.abc import Callable

from mlrift.backends.amdgcn.chips import Chip, chip_named
from mlrift.backends.amdgcn.codeobject.model import CodeObject
from mlrift.driver.device import stages
from mlrift.driver.options import KERNEL_SUFFIXES, CompileOptions, KernelRoad, Product
from mlrift.driver.pipeline import BuildContext
from mlrift.driver.results import CODE_OBJECT, HIP_SOURCE, KERNEL_ASSEMBLY, Companion, Stored
from mlrift.frontend.ast import Program
from mlrift.ir.core import Module
from mlrift.static_types import TypeVar

_NOTHING = Stored(0, b"", "", "")
Made = TypeVar("Made")


def kernel_files(context: BuildContext, program: Program) -> tuple[Companion, ...]:
    """Return the files of kernels beside a program; none if it has no kernels."""
    if not stages.has_kernels(program):
        return ()
    lowered = stages.lower_kernels(context, program)
    if lowered is None:
        return ()
    module = lowered.module
    if context.options.kernels is KernelRoad.HIP:
        return (Companion(HIP_SOURCE, stages.hip_source(context, module).encode(), ".hip"),)
    made = _for_each_chip(context, module, stages.file_of)
    suffix = KERNEL_SUFFIXES[Product.CODE_OBJECT]
    endings = _endings(context.options, suffix)
    return tuple(Companion(CODE_OBJECT, *row) for row in zip(made, endings, strict=False))


def kernel_product(context: BuildContext, program: Program) -> Stored:
    """Return a product of kernels alone."""
    if not stages.has_kernels(program):
        stages.report_no_kernels(context)
        return _NOTHING
    lowered = stages.lower_kernels(context, program)
    if lowered is None:
        return _NOTHING
    module = lowered.module
    match context.options.product:
        case Product.KERNEL_IR:
            return Stored(0, b"", "", stages.ir_text(context, module))
        case Product.KERNEL_MIR:
            return Stored(0, b"", "", stages.machine_text(context, module, _chips(context.options)))
        case Product.KERNEL_REPORT:
            report = "".join(_for_each_chip(context, module, stages.explanation(context.options)))
            return Stored(0, b"", "", report + _replacements(lowered))
        case Product.KERNEL_ASSEMBLY:
            return _written(context, module, KERNEL_ASSEMBLY, stages.assembly_of)
        case product:
            assert product is Product.CODE_OBJECT
            return _written(context, module, CODE_OBJECT, stages.file_of)


def _replacements(lowered: stages.LoweredKernels) -> str:
    return "".join(
        f"{row.name}: a stub with a marker; its code is that of {row.file}\n"
        for row in lowered.replaced
    )


def _written(
    context: BuildContext,
    module: Module,
    kind: str,
    make: Callable[[BuildContext, CodeObject], bytes],
) -> Stored:
    """Return one file for each chip: the first is the output, the others stand beside it."""
    made = _for_each_chip(context, module, make)
    if context.sink.has_errors:
        return _NOTHING
    options = context.options
    endings = _endings(options, KERNEL_SUFFIXES[options.product])
    others = [Companion(kind, *row) for row in zip(made, endings, strict=True)]
    report = f"{stages.count_kernels(module)}, {len(made[0])} bytes -> {{output}} ({kind})\n"
    return Stored(0, made[0], "", report, tuple(others[1:]))


def _for_each_chip(
    context: BuildContext, module: Module, make: Callable[[BuildContext, CodeObject], Made]
) -> list[Made]:
    """Return what is made of the code for each chip; of none if there is a mistake."""
    found: list[Made] = []
    prepared = stages.prepare(context, module)
    for chip in _chips(context.options) if prepared else ():
        compiled = stages.compile_for(context, module, chip)
        if compiled is not None:
            found.append(make(context, compiled))
    return found


def _chips(options: CompileOptions) -> list[Chip]:
    found = [chip_named(name) for name in options.chips]
    return [row for row in found if row is not None]


def _endings(options: CompileOptions, suffix: str) -> list[str]:
    """Return how the names of the files end, by chip."""
    if len(options.chips) == 1:
        return [suffix]
    return [f".{name}{suffix}" for name in options.chips]
