"""What the IR says about whole loops. The ops do nothing when they run."""

from enum import Enum, unique

from mlrift.ir.op import Effect, Op, op


@unique
class Vectorising(Enum):
    """Whether several iterations become one: as the cost says, always, or never."""

    AUTOMATIC = "automatic"
    ALWAYS = "always"
    NEVER = "never"


@op("loop.independent", Effect.ANY)
class IndependentIterations(Op):
    """The iterations of a loop may run side by side; stands first in the loop's header.

    No iteration reads or writes memory that another one writes, inner loops and called functions
    included, so a compiler need not compare addresses. Values that go round the loop as parameters
    of its header are not meant; a float among them keeps its order, and ALWAYS is AUTOMATIC then.
    Storage of `memory.stack` is one for all iterations. Without a loop the op means nothing.
    """

    vectorising: Vectorising
