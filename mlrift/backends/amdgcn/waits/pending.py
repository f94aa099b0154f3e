"""What may be under way at a point of the code: registers with the age of the operation that will
write them. An age is how many operations of the counter were issued later, so it is also the count
to wait for. States of several edges join by the smaller age.
"""

from mlrift.backends.amdgcn.waits.counters import UNORDERED, Kind


class Pending:
    """One counter. Operations have numbers, the latest is `issued`."""

    __slots__ = ("issued", "kinds", "registers")

    def __init__(self) -> None:
        self.issued = 0
        self.registers: dict[int, int] = {}
        self.kinds: dict[Kind, int] = {}
        """The latest operation of each kind that is under way."""

    def issue(self, kind: Kind, targets: list[int]) -> None:
        """An operation begins that will write `targets`."""
        self.issued += 1
        self.kinds[kind] = self.issued
        for unit in targets:
            self.registers[unit] = self.issued

    def count_for(self, unit: int) -> int:
        """Return the count to wait for until a register is written, or -1 when it is."""
        number = self.registers.get(unit)
        if number is None:
            return -1
        if len(self.kinds) > 1 or not UNORDERED.isdisjoint(self.kinds):
            return 0
        return self.issued - number

    def wait(self, count: int) -> None:
        """All but the latest `count` operations are complete."""
        complete = self.issued - count
        self.registers = {unit: row for unit, row in self.registers.items() if row > complete}
        self.kinds = {kind: row for kind, row in self.kinds.items() if row > complete}

    def join(self, other: "Pending") -> bool:
        """Add what may be under way on another edge; whether that changed anything."""
        shift = self.issued - other.issued
        changed = False
        for unit, row in other.registers.items():
            if self.registers.get(unit, row + shift - 1) < row + shift:
                self.registers[unit] = row + shift
                changed = True
        for kind, row in other.kinds.items():
            if self.kinds.get(kind, row + shift - 1) < row + shift:
                self.kinds[kind] = row + shift
                changed = True
        return changed

    def copy(self) -> "Pending":
        """Return a state that changes on its own."""
        made = Pending()
        made.issued = self.issued
        made.registers = dict(self.registers)
        made.kinds = dict(self.kinds)
        return made
