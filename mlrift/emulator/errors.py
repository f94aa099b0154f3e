"""What goes wrong in the emulator: wrong use, and a kernel that does what it must not."""

from mlrift.emulator.layout import FaultCode
from mlrift.values import value


class EmulatorError(Exception):
    """A launch that cannot begin: an unreadable file, an unknown kernel, unfit arguments."""


@value
class Place:
    """An instruction of a kernel. `offset` counts bytes from the kernel's first; `line` is 0 where
    the file has no line information.
    """

    kernel: str
    offset: int
    text: str
    path: str = ""
    line: int = 0

    def __str__(self) -> str:
        source = f" ({self.path}:{self.line})" if self.line else ""
        return f"`{self.text}` at +{self.offset:#x}{source}"


@value
class FaultReport:
    """A fault. `item` is the work item in its group, as (x, y, z); `address` is None where no
    memory is concerned; `detail` says in words what was found.
    """

    code: FaultCode
    place: Place
    group: tuple[int, int, int]
    item: tuple[int, int, int] | None
    detail: str
    address: int | None = None


class EmulatorFault(Exception):
    """The kernel did what it must not; `report` says what and where."""

    def __init__(self, report: FaultReport) -> None:
        who = f"group {_triple(report.group)}"
        if report.item is not None:
            who = f"work item {_triple(report.item)} of {who}"
        kernel = report.place.kernel
        super().__init__(f"kernel `{kernel}`: {report.detail}; at {report.place}, {who}")
        self.report = report


class BudgetExceeded(EmulatorError):
    """The launch ran more wave-instructions than it was allowed."""


def _triple(numbers: tuple[int, int, int]) -> str:
    return f"({', '.join(str(number) for number in numbers)})"
