"""The LALR(1) automaton: the generated tables in the form that the parser's loop wants.

An action is a state to shift to, `SHIFT_REDUCE + production` (shift, then reduce at once), or
`~production` (reduce). A production that passes its only symbol on has no builder.
"""

from collections.abc import Sequence
from functools import cache

from mlrift.frontend.grammar.tables import (
    GOTOS,
    LOOKAHEADS,
    NONTERMINALS,
    PRODUCTIONS,
    REDUCTIONS,
    SHIFT_REDUCE,
    SHIFTS,
)

STATE_KEY = 1 << 16
SYMBOL_KEY = 1 << 8
PASS_ON, LIST_START, LIST_EXTEND = "(pass on)", "(list start)", "(list extend)"
SYMBOLS = {name: number for number, name in enumerate(NONTERMINALS)}


class Automaton:
    """Actions and gotos, and the memory of walked reduction chains."""

    __slots__ = ("_is_passing", "_left", "left_keys", "lengths", "memory", "rows")

    def __init__(self) -> None:
        self.rows = [
            _expand(shifts, reductions)
            for shifts, reductions in zip(SHIFTS, REDUCTIONS, strict=True)
        ]
        self._left = [left for left, _, _, _ in PRODUCTIONS]
        self._is_passing = [name == PASS_ON for _, _, name, _ in PRODUCTIONS]
        self.lengths = [length for _, length, _, _ in PRODUCTIONS]
        self.left_keys = [left * SYMBOL_KEY for left in self._left]
        self.memory: dict[int, int] = {}

    def walk(self, key: int) -> int:
        """Return, and remember, where a reduction leads.

        The key is the state below, the symbol reduced to and the next token. All following
        reductions that only pass a value on are taken too.
        """
        below, rest = divmod(key, STATE_KEY)
        symbol, kind = divmod(rest, SYMBOL_KEY)
        gotos = GOTOS[below]
        target = gotos[symbol]
        while True:
            if target >= SHIFT_REDUCE:
                production = target - SHIFT_REDUCE
            else:
                action = self.rows[target].get(kind, 0)
                production = ~action
            if production < 0 or not self._is_passing[production]:
                break
            target = gotos[self._left[production]]
        self.memory[key] = target
        return target

    def accepts(self, states: Sequence[int], kind: int) -> bool:
        """Tell whether a token could come next, by simulating the reductions before it."""
        stack = list(states)
        while True:
            action = self.rows[stack[-1]].get(kind)
            if action is None or action >= 0:
                return action is not None
            production = ~action
            popped = self.lengths[production]
            while True:
                if popped:
                    del stack[-popped:]
                target = GOTOS[stack[-1]][self._left[production]]
                if target < SHIFT_REDUCE:
                    stack.append(target)
                    break
                production = target - SHIFT_REDUCE
                popped = self.lengths[production] - 1


@cache
def automaton() -> Automaton:
    """Return the automaton of the grammar; made on first use."""
    return Automaton()


def can_start(state: int, symbol: int) -> bool:
    """Tell whether a nonterminal may begin in a state."""
    return symbol in GOTOS[state]


def _expand(shifts: dict[int, int], reductions: tuple[tuple[int, int], ...]) -> dict[int, int]:
    row: dict[int, int] = {}
    for production, lookahead in reductions:
        row |= dict.fromkeys(LOOKAHEADS[lookahead], ~production)
    return row | shifts
