"""Assembly as the body of a function, and what a CPU says about assembly text.

Text stays text in the IR, because one module is compiled for several CPUs; a back end makes bytes
of it. A function with assembly has no blocks. A naked one is its instructions and nothing else.
Any other takes the address of a row of words: `inputs` are loaded from the first of them, the
instructions run, `outputs` are stored in the first of them.
"""

from collections.abc import Callable

from mlrift.targets import Cpu
from mlrift.values import value

WORD_BYTES = 8


@value
class Assembly:
    """One instruction a string; registers by their names, none of them twice in a list."""

    instructions: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def area_bytes(self) -> int:
        """How large the row of words is."""
        return WORD_BYTES * max(len(self.inputs), len(self.outputs))


class UnknownInstruction(Exception):
    """A text that is no instruction of the CPU."""


@value
class Assembler:
    """What a CPU knows: `encode` raises UnknownInstruction.

    `known` are the instructions by spelling, for suggestions; `leaving` are those of them that end
    a function. A block may name `registers`, but must leave `fixed` ones as it found them, so they
    are no inputs.
    """

    cpu: Cpu
    encode: Callable[[str], bytes]
    known: tuple[str, ...]
    registers: frozenset[str]
    fixed: frozenset[str] = frozenset()
    leaving: tuple[str, ...] = ()

    def leaves(self, text: str) -> bool:
        """Whether a text that the CPU knows ends the function it is in."""
        code = self.encode(text)
        return any(code == self.encode(row) for row in self.leaving)

    def knows(self, text: str) -> bool:
        """Whether a text is an instruction."""
        try:
            self.encode(text)
        except UnknownInstruction:
            return False
        return True


def plain_spelling(text: str) -> str:
    """Return an instruction in lower case, with single blanks and `, ` between operands."""
    words = text.lower().replace(",", " , ").replace("[", " [ ").replace("]", " ] ").split()
    return " ".join(words).replace(" ,", ",").replace("[ ", "[").replace(" ]", "]")
