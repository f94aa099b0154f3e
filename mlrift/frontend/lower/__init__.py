"""Typed model to IR: `lower_program` is the way in; one rule per typed node does the work."""

from mlrift.frontend.lower.module import lower_program
from mlrift.frontend.lower.options import (
    ExportedStatics,
    LowerOptions,
    LowerRole,
    RuntimeChecks,
    SourceNames,
)

__all__ = [
    "ExportedStatics",
    "LowerOptions",
    "LowerRole",
    "RuntimeChecks",
    "SourceNames",
    "lower_program",
]
