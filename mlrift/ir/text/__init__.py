"""The textual IR: `print_module` and `parse_module`, each other's inverse.

Printing, parsing and printing again gives the same text. Both sides are derived from the op
declarations (`form.py`); docs/ir-text.md describes the form.
"""

from mlrift.ir.text.parser import parse_module
from mlrift.ir.text.printer import FunctionNames, format_op, print_function, print_module
from mlrift.ir.text.tokens import IrSyntaxError

__all__ = [
    "FunctionNames",
    "IrSyntaxError",
    "format_op",
    "parse_module",
    "print_function",
    "print_module",
]
