"""Instruction selection: a function of the SSA IR becomes machine IR of a wave.

`select.py` is the entry. Blocks are taken from the last to the first and the ops of a block, too,
so that a rule knows whether anybody wants its value, and a rule that takes over what an operand
does (an address into the offset of a load) leaves nothing behind.
"""
