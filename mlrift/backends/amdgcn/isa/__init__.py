"""The instruction sets of gfx10.3, gfx11 and gfx12: rows, encoder, decoder, assembler text.

    from mlrift.backends.amdgcn.isa import encode, decode, parse, print_instruction, rows_of

`rows_of(generation)` gives the table of a generation; `mlrift.backends.amdgcn.chips` names the
generation of a chip.
"""
