"""What instructions do: one function per operation, in families like the manual's chapters."""

from mlrift.emulator.semantics.dual import SEPARATOR, dual_semantics
from mlrift.emulator.semantics.model import FAMILIES
from mlrift.emulator.step import Semantics


def semantics_of(operation: str) -> Semantics | None:
    """Return what an operation does, None if the emulator does not execute it."""
    if SEPARATOR in operation:
        return dual_semantics(operation)
    return FAMILIES.get(operation)


__all__ = ["semantics_of"]
