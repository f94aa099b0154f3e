"""What EXEC is in terms of masks seen before: the domain of `execution.py`.

A *token* names the set of lanes that EXEC was at some point. The state knows the token of EXEC, the
tokens that scalar registers hold, and facts `(t, r, u)`: the lanes of token t and those in register
r together are token u. They suffice for the code that compilers make of structured control flow:

    s_and_saveexec s1, vcc      s1 holds t, EXEC becomes u, fact (u, s1, t)
    s_xor s1, exec, s1          fact (u, s1, t) still: s1 has the lanes of t that u lacks
    s_or exec, exec, s1         by the fact EXEC is t again
    s_mov s2, 0                 in a loop: fact (t, s2, t)
    s_or s2, vcc, s2            lanes that leave; the fact holds on
    s_andn2 exec, exec, s2      fact (u, s2, t)
    s_or exec, exec, s2         after the loop EXEC is t again
"""

from enum import Enum, unique

from mlrift.values import record, value


@unique
class Origin(Enum):
    """How a token came to be."""

    ENTRY = "the lanes that the wave started with"
    ALL = "every lane"
    NARROWED = "some lanes of its parent"
    JOINED = "different on different paths"
    UNKNOWN = "not followed"


@value
class Token:
    """A set of lanes; `place` is the offset of the instruction or block that makes it."""

    origin: Origin
    place: int


ENTRY = Token(Origin.ENTRY, 0)
ALL = Token(Origin.ALL, 0)
EMPTY = Token(Origin.NARROWED, -1)
"""No lanes: the contents of a register that is 0."""

Fact = tuple[Token, int, Token]


@value
class Masks:
    """EXEC's token, what registers hold, and facts."""

    current: Token
    held: frozenset[tuple[int, Token]]
    facts: frozenset[Fact]


@record
class Family:
    """Where tokens come from: the parents of each, over all paths."""

    parents: dict[Token, set[Token]]
    uniform: set[Token]
    """Narrowed by a condition that is the same in the whole group: all of the parent, or none."""

    def add(self, child: Token, parent: Token) -> None:
        """Take note that a token was made of another one."""
        self.parents.setdefault(child, set()).add(parent)

    def is_within(self, token: Token, ancestor: Token) -> bool:
        """Return whether a token has only lanes of another one, as far as is known."""
        work, seen = [token], {token}
        while work:
            found = work.pop()
            if found == ancestor:
                return True
            if found.origin is Origin.NARROWED:
                new = self.parents.get(found, set()) - seen
                seen |= new
                work.extend(new)
        return False

    def narrowing(self, token: Token) -> Token | None:
        """Return the step that may have switched lanes off for this token, or None."""
        work, seen = [token], {token}
        while work:
            found = work.pop()
            if found.origin is Origin.NARROWED and found not in self.uniform:
                return found
            if found.origin in (Origin.NARROWED, Origin.JOINED):
                new = self.parents.get(found, set()) - seen
                seen |= new
                work.extend(new)
        return None


def join_masks(family: Family, place: int, one: Masks, other: Masks) -> Masks:
    """Return what is known where two paths meet."""
    if one == other:
        return one
    if one.current == other.current:
        return Masks(one.current, one.held & other.held, _all_facts(one) & _all_facts(other))
    joined = Token(Origin.JOINED, place)
    sides = []
    for path in (one, other):
        side = path
        if path.current != joined:
            family.add(joined, path.current)
            side = _without_token(path, joined)
        renamed = frozenset(
            (joined if left == side.current else left, register, union)
            for left, register, union in _all_facts(side)
        )
        held = frozenset(
            (register, joined if token == side.current else token) for register, token in side.held
        )
        kept = frozenset(row for row in side.held if row[1] != EMPTY)
        sides.append(Masks(joined, held | kept, renamed))
    return Masks(joined, sides[0].held & sides[1].held, sides[0].facts & sides[1].facts)


def _all_facts(masks: Masks) -> frozenset[Fact]:
    """Return the facts, those about empty registers too."""
    empty = frozenset(
        (masks.current, register, masks.current) for register, token in masks.held if token == EMPTY
    )
    return masks.facts | empty


def _without_token(masks: Masks, token: Token) -> Masks:
    """Forget what was known about a token that is made anew."""
    return Masks(
        masks.current,
        frozenset(row for row in masks.held if row[1] != token),
        frozenset(row for row in masks.facts if token not in (row[0], row[2])),
    )


def set_register(masks: Masks, register: int, held: Token | None, facts: frozenset[Fact]) -> Masks:
    """Return the state after a write of a scalar register; `facts` are those about it."""
    kept = frozenset(row for row in masks.held if row[0] != register)
    others = frozenset(row for row in masks.facts if row[1] != register)
    if held is not None:
        kept |= {(register, held)}
    return Masks(masks.current, kept, others | facts)


def facts_about(masks: Masks, source: int, target: int) -> frozenset[Fact]:
    """Return the facts of EXEC and one register, said of another register."""
    found = {
        (left, target, union) for left, register, union in _all_facts(masks) if register == source
    }
    return frozenset(found)


def token_in(masks: Masks, register: int) -> Token | None:
    """Return what a register holds, None when it may hold anything."""
    for known, token in masks.held:
        if known == register:
            return token
    return None


def narrow(masks: Masks, family: Family, place: int, removed: int | None) -> Masks:
    """Return the state after EXEC lost lanes; `removed` is the register that has them, or None."""
    token = Token(Origin.NARROWED, place)
    before = masks.current
    fresh = _without_token(masks, token) if before != token else masks
    family.add(token, before)
    facts = {(token, register, before) for register, held in fresh.held if held == before}
    if removed is not None:
        facts |= {
            (token, removed, union)
            for left, register, union in _all_facts(fresh)
            if left == before and register == removed
        }
    kept = frozenset(row for row in fresh.facts if token not in (row[0], row[2]))
    return Masks(token, fresh.held, kept | facts)


def widen(masks: Masks, family: Family, place: int, register: int) -> Masks:
    """Return the state after EXEC gained the lanes in a register."""
    held = token_in(masks, register)
    if held is not None and family.is_within(masks.current, held):
        return Masks(held, masks.held, masks.facts)
    for left, added, union in sorted(_all_facts(masks), key=repr):
        if left == masks.current and added == register:
            return Masks(union, masks.held, masks.facts)
    return replace_by_unknown(masks, place)


def replace_by_unknown(masks: Masks, place: int) -> Masks:
    """Return the state after a write of EXEC that is not followed."""
    token = Token(Origin.UNKNOWN, place)
    fresh = _without_token(masks, token)
    return Masks(token, fresh.held, fresh.facts)
