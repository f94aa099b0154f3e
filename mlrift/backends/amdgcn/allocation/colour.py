"""A place for every group: groups of one file enter, their `place`s are set.

Groups are taken in an order, each gets the lowest place where no dword meets another life; places
that save a copy come first. What has no place makes the lightest groups leave: they are to be
spilled. A few orders are tried while the result needs more registers than were ever alive at once.
"""

from collections.abc import Callable
from enum import Enum, unique

from mlrift.backends.amdgcn.allocation.groups import Group, first_unit
from mlrift.backends.amdgcn.isa.registers import RegisterFile
from mlrift.values import field, record


@unique
class Choice(Enum):
    """Which free place a group gets."""

    LOWEST = "the lowest: few registers"
    NEXT = "the next after the latest: registers are used again late"


@record
class Palette:
    """What a file offers: `limit` registers, those `occupied` (by fixed registers) at some points,
    and `extra`, registers beyond the limit that only groups which prefer them get.
    """

    file: RegisterFile
    limit: int
    occupied: dict[int, int]
    extra: frozenset[int]
    choice: Choice


@record
class Colouring:
    """Places by group, how many registers that takes, and the groups that have none."""

    places: dict[Group, int] = field(default_factory=dict)
    used: int = 0
    left_out: list[Group] = field(default_factory=list)


Weigh = Callable[[Group], float]


def fixed_occupation(file: RegisterFile, lives: dict[int, int]) -> dict[int, int]:
    """Return the points at which registers of a file are taken by operands that name them."""
    first = first_unit(file)
    count = 256 if file is RegisterFile.VECTOR else 128
    return {unit - first: mask for unit, mask in lives.items() if first <= unit < first + count}


def colour(groups: list[Group], palette: Palette, weigh: Weigh, good_enough: int) -> Colouring:
    """Return places for groups; `good_enough` registers need no further attempt."""
    by_start = sorted(groups, key=_start)
    least = max(good_enough, _least(groups, palette))
    best = _attempt(by_start, palette, weigh)
    if palette.choice is Choice.NEXT:
        if not best.left_out:
            return best
        palette.choice = Choice.LOWEST
        best = _attempt(by_start, palette, weigh)
    for order in (_wide_first(by_start), sorted(groups, key=_longest)):
        if not best.left_out and best.used <= least:
            break
        found = _attempt(order, palette, weigh)
        if (len(found.left_out), found.used) < (len(best.left_out), best.used):
            best = found
    return best


def _start(group: Group) -> int:
    return min((mask & -mask for mask in group.masks if mask), default=1)


def _longest(group: Group) -> int:
    return -max(mask.bit_count() for mask in group.masks)


def _wide_first(by_start: list[Group]) -> list[Group]:
    return sorted(by_start, key=lambda group: -len(group.masks))


def _least(groups: list[Group], palette: Palette) -> int:
    """Return the greatest number of dwords alive at one point."""
    changes: dict[int, int] = {}
    masks = [mask for group in groups for mask in group.masks]
    masks += list(palette.occupied.values())
    for mask in masks:
        edges = mask ^ (mask << 1)
        step = 1
        while edges:
            lowest = edges & -edges
            point = lowest.bit_length()
            changes[point] = changes.get(point, 0) + step
            step = -step
            edges ^= lowest
    alive = most = 0
    for point in sorted(changes):
        alive += changes[point]
        most = max(most, alive)
    return most


def _attempt(order: list[Group], palette: Palette, weigh: Weigh) -> Colouring:
    made = Colouring()
    board = _Board(palette)
    waiting = list(reversed(order))
    while waiting:
        group = waiting.pop()
        place = board.find(group)
        if place < 0:
            place, leaving = board.make_room(group, weigh)
            made.left_out += leaving
            if place < 0:
                made.left_out.append(group)
                continue
            for row in leaving:
                del made.places[row]
        board.put(group, place)
        made.places[group] = place
    made.used = board.highest() + 1
    return made


class _Board:
    """Lives on registers."""

    __slots__ = ("latest", "occupied", "palette", "residents", "tenants")

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        size = palette.limit + 1 + max(palette.extra, default=0)
        self.occupied = [palette.occupied.get(row, 0) for row in range(size)]
        self.residents: dict[Group, int] = {}
        self.tenants: list[dict[Group, None]] = [{} for _ in range(size)]
        """Who is in each register, in the order in which they came."""
        self.latest = 0

    def find(self, group: Group) -> int:
        for place in group.preferred:
            if self._allowed(group, place) and self._free(group, place):
                return place
        last = self.palette.limit - len(group.masks) + 1
        if self.palette.choice is Choice.LOWEST:
            return self._first_free(group, range(0, last, group.align))
        start = -(-self.latest // group.align) * group.align
        place = self._first_free(group, range(start, last, group.align))
        if place < 0:
            place = self._first_free(group, range(0, min(start, last), group.align))
        self.latest = place + len(group.masks)
        return place

    def _first_free(self, group: Group, places: range) -> int:
        occupied = self.occupied
        if len(group.masks) == 1:
            mask = group.masks[0]
            for place in places:
                if not occupied[place] & mask:
                    return place
            return -1
        for place in places:
            if self._free(group, place):
                return place
        return -1

    def put(self, group: Group, place: int) -> None:
        for dword, mask in enumerate(group.masks, place):
            self.occupied[dword] |= mask
            self.tenants[dword][group] = None
        self.residents[group] = place

    def make_room(self, group: Group, weigh: Weigh) -> tuple[int, list[Group]]:
        """Return a place whose residents weigh least, and them; they have left it."""
        least, found = weigh(group), -1
        leaving: list[Group] = []
        last = self.palette.limit - len(group.masks) + 1
        for place in range(0, last, group.align):
            if self._meets_fixed(group, place):
                continue
            met = self._met(group, place, weigh, least)
            total = sum(weigh(row) for row in met)
            if total < least:
                least, found, leaving = total, place, met
        for row in leaving:
            self._remove(row)
        return found, leaving

    def highest(self) -> int:
        limit = self.palette.limit
        used = [row for row in range(limit) if self.occupied[row]]
        return used[-1] if used else -1

    def _allowed(self, group: Group, place: int) -> bool:
        if place % group.align:
            return False
        end = place + len(group.masks)
        if place >= 0 and end <= self.palette.limit:
            return True
        return all(row in self.palette.extra for row in range(place, end))

    def _free(self, group: Group, place: int) -> bool:
        occupied = self.occupied
        return not any(occupied[dword] & mask for dword, mask in enumerate(group.masks, place))

    def _meets_fixed(self, group: Group, place: int) -> bool:
        fixed = self.palette.occupied
        return any(fixed.get(dword, 0) & mask for dword, mask in enumerate(group.masks, place))

    def _met(self, group: Group, place: int, weigh: Weigh, most: float) -> list[Group]:
        """Return who is alive in a place at the same time; the search ends when they weigh more
        than `most`.
        """
        met: dict[Group, None] = {}
        total = 0.0
        for dword, mask in enumerate(group.masks, place):
            if not self.occupied[dword] & mask:
                continue
            for row in self.tenants[dword]:
                if row not in met and row.masks[dword - self.residents[row]] & mask:
                    met[row] = None
                    total += weigh(row)
                    if total >= most:
                        return list(met)
        return list(met)

    def _remove(self, group: Group) -> None:
        place = self.residents.pop(group)
        for dword in range(place, place + len(group.masks)):
            del self.tenants[dword][group]
            left = self.palette.occupied.get(dword, 0)
            for row in self.tenants[dword]:
                left |= row.masks[dword - self.residents[row]]
            self.occupied[dword] = left
