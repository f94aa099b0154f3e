"""Lowering rules that both host CPUs share, one module per op family."""

from mlrift.backends.llvm.lower.table import RULES

__all__ = ["RULES"]
