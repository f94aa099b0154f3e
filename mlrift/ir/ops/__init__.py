"""Op declarations by family; importing this package registers them all."""

from mlrift.ir.ops import arith, atomic, call, compare, control, convert, debug, memory

__all__ = ["arith", "atomic", "call", "compare", "control", "convert", "debug", "memory"]
