"""What every rule is given: the kernel's code as a graph, and what its descriptor promises."""

from collections.abc import Callable

from mlrift.backends.amdgcn.check.finding import Rule
from mlrift.backends.amdgcn.check.graph import Graph
from mlrift.backends.amdgcn.check.steps import Step
from mlrift.backends.amdgcn.chips import Chip
from mlrift.backends.amdgcn.codeobject.descriptor import Descriptor
from mlrift.values import record

Report = Callable[[Step, Rule, str], None]


@record
class Subject:
    """A kernel under examination. `graph` has only blocks that some path comes to."""

    graph: Graph
    descriptor: Descriptor
    chip: Chip
    kernarg_bytes: int
    report: Report


def silent(_step: Step, _rule: Rule, _message: str) -> None:
    """Take no note: the state of a fixpoint is not final yet."""
