"""Reachability: which functions code is generated for, and whose name errors count.

Roots are `main` and the `@export` functions; calls and `fn_addr` lead from one function to the
next. Name errors of unreachable functions are excused (reference.md 1.9, Q60): silently in imported
files and below `@kernel` functions, as warnings in the root file.
"""

from collections.abc import Iterable

from mlrift.diagnostics import catalog
from mlrift.diagnostics.model import Diagnostic
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.options import MainRequirement
from mlrift.frontend.scopes import Signature


def find_roots(signatures: Iterable[Signature], requirement: MainRequirement) -> list[Signature]:
    """Return the functions that code generation starts from, in source order."""
    defined = [signature for signature in signatures if not signature.symbol.is_extern]
    if requirement is MainRequirement.OBJECT:
        return defined
    if requirement is MainRequirement.DEVICE:
        return [signature for signature in defined if signature.symbol.is_kernel]
    if requirement is MainRequirement.EXPORTS:
        return [signature for signature in defined if signature.symbol.is_export]
    roots = [
        signature
        for signature in defined
        if signature.symbol.is_export or signature.symbol.name == "main"
    ]
    if requirement is MainRequirement.EXECUTABLE:
        return roots
    own = [row for row in defined if not row.symbol.span.file.is_library and row not in roots]
    has_main = any(signature.symbol.name == "main" for signature in roots)
    if not has_main:
        return [*roots, *own]
    if requirement is MainRequirement.LISTING:
        roots += [row for row in own if _has_known_names(row)]
    return roots


def _has_known_names(signature: Signature) -> bool:
    return not any(row.name_errors for row in reachable_from([signature]).values())


def reachable_from(roots: Iterable[Signature]) -> dict[str, Signature]:
    """Return the roots and every function they lead to."""
    reached: dict[str, Signature] = {}
    waiting = list(roots)
    while waiting:
        signature = waiting.pop()
        name = signature.symbol.name
        if name not in reached:
            reached[name] = signature
            waiting.extend(signature.callees.values())
    return reached


def report_name_errors(
    context: Context, signatures: Iterable[Signature], reached: dict[str, Signature]
) -> None:
    """Emit the name errors that were found in bodies, as far as they count."""
    signatures = list(signatures)
    kernels = [signature for signature in signatures if signature.symbol.is_kernel]
    device_code = reachable_from(kernels)
    for signature in signatures:
        name = signature.symbol.name
        if name in reached:
            for diagnostic in signature.name_errors:
                context.emit(diagnostic)
        elif name not in device_code and not signature.symbol.span.file.is_library:
            for diagnostic in signature.name_errors:
                context.emit(_excused(diagnostic, name))


def _excused(diagnostic: Diagnostic, function: str) -> Diagnostic:
    return catalog.UNREACHABLE_NAME_ERROR.at(
        diagnostic.span, name=function, message=diagnostic.message
    )
