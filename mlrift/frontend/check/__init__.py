"""Checking: the AST in, the typed model out."""

from mlrift.frontend.check.options import CheckOptions, MainRequirement
from mlrift.frontend.check.program import check_program

__all__ = ["CheckOptions", "MainRequirement", "check_program"]
