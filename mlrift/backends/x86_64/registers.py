"""How long the registers of each level of x86-64 are."""

from mlrift.backends.llvm.text import FunctionText

LEVEL_OF_256_BITS, LEVEL_OF_512_BITS = 3, 4


def most_lanes(out: FunctionText) -> int:
    """Return how many lanes of 32 bits a register has."""
    level = out.generation()
    if level >= LEVEL_OF_512_BITS:
        return 16
    return 8 if level >= LEVEL_OF_256_BITS else 4
