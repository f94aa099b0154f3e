"""Which annotations ask for the safety analysis."""

from mlrift.frontend import ast

SAFETY_ANNOTATIONS = frozenset({"ctx", "eff", "caps", "lock"})


def is_annotated(program: ast.Program) -> bool:
    """Return whether some function of the program carries a safety annotation."""
    return any(
        annotation.name in SAFETY_ANNOTATIONS
        for module in program.modules
        for item in module.items
        if type(item) is ast.Function
        for annotation in item.annotations
    )
