"""What the writers of one function share: names, chance, and how many steps it may still take."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.fuzz.generator.declared import Program, Scope


@dataclass(slots=True)
class Frame:
    """One function being written. `repeats` is how often the current place runs, at most."""

    program: Program
    chance: random.Random
    scope: Scope
    most_steps: int
    repeats: int = 1
    steps: int = 0
    lines: list[str] = field(default_factory=list)
    depth: int = 1
    loops: int = 0
    is_in_defer: bool = False

    def can_afford(self, cost: int) -> bool:
        """Whether something of that cost may be done here."""
        return self.steps + cost * self.repeats <= self.most_steps

    def spend(self, cost: int) -> None:
        """Count the steps of something done here."""
        self.steps += cost * self.repeats

    def line(self, text: str) -> None:
        """Add a line at the current depth."""
        self.lines.append("    " * self.depth + text)
        self.spend(1)

    @contextmanager
    def block(self, head: str, repeats: int = 1) -> Iterator[None]:
        """Write a block whose body runs `repeats` times each time."""
        self.line(head + " {")
        self.depth += 1
        self.repeats *= repeats
        self.scope.blocks.append({})
        yield
        self.scope.blocks.pop()
        self.repeats //= repeats
        self.depth -= 1
        self.lines.append("    " * self.depth + "}")

    def happens(self, probability: float) -> bool:
        """Draw."""
        return self.chance.random() < probability
