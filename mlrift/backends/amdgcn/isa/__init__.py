"""The instruction sets of gfx10.3, gfx11 and gfx12: rows, encoder, decoder, assembler text.

    from mlrift.backends.amdgcn.isa import decode, encode, instruction_of, parse, print_instruction

`rows_of(generation)` gives the table of a generation; `mlrift.backends.amdgcn.chips` names the
generation of a chip. `instruction_of` finds the shortest form of an operation; `limits.py` and
`packed_numbers.py` have what those need who choose operands and waits.
"""

from mlrift.backends.amdgcn.isa.choose import instruction_of, select_row
from mlrift.backends.amdgcn.isa.decode import decode
from mlrift.backends.amdgcn.isa.encode import encode
from mlrift.backends.amdgcn.isa.errors import AssemblyError, DecodeError, EncodeError
from mlrift.backends.amdgcn.isa.parsing import parse
from mlrift.backends.amdgcn.isa.printing import print_instruction
from mlrift.backends.amdgcn.isa.rows import rows_of, rows_of_operation, rows_with_lanes

__all__ = [
    "AssemblyError",
    "DecodeError",
    "EncodeError",
    "decode",
    "encode",
    "instruction_of",
    "parse",
    "print_instruction",
    "rows_of",
    "rows_of_operation",
    "rows_with_lanes",
    "select_row",
]
