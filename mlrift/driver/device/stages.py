"""The stages of kernels in order: typed model -> IR -> prepared IR -> code for a chip -> file.

Mistakes end up in the sink of the context; what the checker finds in machine code is a bug of ours
and ends the compilation. Each stage imports what it needs: few commands need all.
"""

from collections.abc import Callable

from mlrift.backends.amdgcn.chips import Chip
from mlrift.backends.amdgcn.codeobject.model import CodeObject, KernelImage
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.errors import KernelError
from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic
from mlrift.driver import kernels
from mlrift.driver.device.stubs import ReplacedStub, replace_stubs
from mlrift.driver.options import CompileOptions
from mlrift.driver.pipeline import BuildContext, new_sink, observer, shown_path
from mlrift.frontend import ast
from mlrift.frontend.ast import Program
from mlrift.ir.core import Linkage, Module
from mlrift.ir.passes.device_error import DeviceError
from mlrift.values import replace, value


class RefusedCode(Exception):
    """The checker does not accept code that we made: a bug of the compiler."""


def has_kernels(program: Program) -> bool:
    """Return whether a program has `@kernel` functions."""
    return any(
        note.name == "kernel"
        for module in program.modules
        for item in module.items
        if type(item) is ast.Function
        for note in item.annotations
    )


def report_no_kernels(context: BuildContext) -> None:
    """Say that there is nothing to make code for."""
    diagnostic = catalog.NO_KERNELS.at(None, path=str(context.options.source))
    context.sink.emit(diagnostic.help("@kernel"))


@value
class LoweredKernels:
    """Kernels and what they call as IR, not changed by any pass, and the stubs among them."""

    module: Module
    replaced: tuple[ReplacedStub, ...] = ()


def lower_kernels(context: BuildContext, program: Program) -> LoweredKernels | None:
    """Return the kernels of a program; None with mistakes."""
    found = new_sink(context.options)
    module = kernels.kernel_module(program, found, context.options.source.stem)
    for row in found.diagnostics():
        context.sink.emit(row)
    if module is None:
        return None
    if context.options.only_kernel:
        _keep_kernel(module, context.options.only_kernel)
    return LoweredKernels(module, replace_stubs(program, module))


def _keep_kernel(module: Module, name: str) -> None:
    for row in kernels.kernels_in(module):
        if row.name != name:
            row.linkage = Linkage.INTERNAL


def prepare(context: BuildContext, module: Module) -> bool:
    """Run the passes of the device; return whether all kernels can be compiled."""
    from mlrift.ir.passes.device_pipeline import prepare_kernels  # noqa: PLC0415

    try:
        prepare_kernels(module, observer(context))
    except DeviceError as error:
        context.sink.emit(catalog.KERNEL_REFUSED.at(error.span, reason=error.reason))
        return False
    return True


def compile_for(context: BuildContext, module: Module, chip: Chip) -> CodeObject | None:
    """Return the code of prepared kernels for a chip; None with mistakes."""
    from mlrift.backends.amdgcn.compile import compile_kernels  # noqa: PLC0415

    try:
        made = compile_kernels(module, chip)
    except KernelError as error:
        context.sink.emit(_refusal(error, chip))
        return None
    return replace(made, kernels=tuple(_with_shown_paths(context, row) for row in made.kernels))


def _with_shown_paths(context: BuildContext, kernel: KernelImage) -> KernelImage:
    """Return a kernel whose lines have paths without the folders of this machine's libraries."""
    paths = {row.path: shown_path(context.options, row.path) for row in kernel.lines}
    return replace(kernel, lines=tuple(replace(row, path=paths[row.path]) for row in kernel.lines))


def _refusal(error: KernelError, chip: Chip) -> Diagnostic:
    return catalog.KERNEL_NOT_FOR_CHIP.at(error.span, chip=chip.name, reason=error.reason)


def file_of(context: BuildContext, made: CodeObject) -> bytes:
    """Return the file of a code object, which the checker accepts."""
    from mlrift.backends.amdgcn.check import check_code_object  # noqa: PLC0415

    data = write(made)
    findings = check_code_object(data)
    if findings:
        raise RefusedCode("\n".join(row.text() for row in findings))
    return data


def assembly_of(context: BuildContext, made: CodeObject) -> bytes:
    """Return assembler text of a code object that was checked."""
    from mlrift.backends.amdgcn.listing.assembly import print_code_object  # noqa: PLC0415

    file_of(context, made)
    return print_code_object(made).encode("utf-8", "surrogateescape")


def ir_text(context: BuildContext, module: Module) -> str:
    """Return the IR of kernels after the passes of the device."""
    from mlrift.ir.text import print_module  # noqa: PLC0415

    return print_module(module) if prepare(context, module) else ""


def machine_text(context: BuildContext, module: Module, chips: list[Chip]) -> str:
    """Return the machine IR of kernels, before registers are allocated."""
    from mlrift.backends.amdgcn.kernel_facts import kernel_facts  # noqa: PLC0415
    from mlrift.backends.amdgcn.mir_text import print_mir  # noqa: PLC0415
    from mlrift.backends.amdgcn.selection.select import select  # noqa: PLC0415

    parts: list[str] = []
    for chip in chips if prepare(context, module) else ():
        parts.append(f"; {chip.name}\n")
        try:
            for function in kernels.kernels_in(module):
                selected = select(function, kernel_facts(function), chip)
                parts.append(print_mir(selected.function))
        except KernelError as error:
            context.sink.emit(_refusal(error, chip))
    return "".join(parts)


def explanation(options: CompileOptions) -> Callable[[BuildContext, CodeObject], str]:
    """Return what explains a code object on the card of the options."""
    from mlrift.backends.amdgcn.listing.cards import card_named  # noqa: PLC0415
    from mlrift.backends.amdgcn.listing.explain import explain  # noqa: PLC0415

    card = card_named(options.card)

    def make(context: BuildContext, made: CodeObject) -> str:
        file_of(context, made)
        return explain(made, card)

    return make


def hip_source(context: BuildContext, module: Module) -> str:
    """Return C++ for HIP with the meaning of the kernels."""
    from mlrift.backends.hip.names import UnsupportedInHip  # noqa: PLC0415
    from mlrift.backends.hip.source import print_hip  # noqa: PLC0415

    try:
        return print_hip(module, lambda path: shown_path(context.options, path))
    except UnsupportedInHip as error:
        reason = f"there is no C++ for {error}"
        context.sink.emit(catalog.KERNEL_REFUSED.at(None, reason=reason))
        return ""


def count_kernels(module: Module) -> str:
    """Return how many kernels there are, as words."""
    count = len(kernels.kernels_in(module))
    return f"{count} kernel" if count == 1 else f"{count} kernels"
