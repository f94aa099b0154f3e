"""What the checker says: a rule of the hardware, and the instruction that breaks it."""

from enum import Enum, unique

from mlrift.values import value


@unique
class Rule(Enum):
    """What machine code has to keep; the value is the id that a report shows.

    docs/kernel-checker.md describes each.
    """

    DECODE = "code.decode"
    BRANCH_TARGET = "code.branch-target"
    CALL = "code.call"
    FALLS_OFF = "code.falls-off"
    PADDING = "code.padding"
    OPERANDS = "code.operands"
    FILE = "object.file"
    DESCRIPTOR = "object.descriptor"
    WAIT_READ = "wait.read"
    WAIT_WRITE = "wait.write"
    WAIT_BARRIER = "wait.barrier"
    WAIT_ACQUIRE = "wait.acquire"
    WAIT_RELEASE = "wait.release"
    NEVER_WRITTEN = "register.never-written"
    REGISTER_COUNT = "register.count"
    ALIGNMENT = "register.alignment"
    EXEC_BARRIER = "exec.barrier"
    EXEC_MATRIX = "exec.matrix"
    TRANSCENDENTAL_USE = "hazard.transcendental-use"
    COMPARE_PERMUTE = "hazard.compare-permute"
    MATRIX_OVERLAP = "hazard.matrix-overlap"
    SCALAR_READ = "hazard.scalar-read"
    CLAUSE = "hazard.clause"
    LDS_BOUNDS = "memory.lds-bounds"
    KERNARG_BOUNDS = "memory.kernarg-bounds"


@value
class Finding:
    """A broken rule. `offset` is in bytes from the kernel's first instruction.

    `line` is the source's, 0 when it is not known; `instruction` is empty for a finding about the
    kernel as a whole.
    """

    kernel: str
    offset: int
    instruction: str
    rule: Rule
    message: str
    path: str = ""
    line: int = 0

    def text(self) -> str:
        """Return the finding on one line."""
        place = f"{self.path}:{self.line}: " if self.line else ""
        shown = f" `{self.instruction}`" if self.instruction else ""
        return (
            f"{place}kernel {self.kernel}, {self.offset:#06x}{shown}: "
            f"{self.message} [{self.rule.value}]"
        )
