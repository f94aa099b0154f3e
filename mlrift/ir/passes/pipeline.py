"""The passes of each level in order, and why some must come before others."""

from collections.abc import Callable
from enum import Enum, unique

from mlrift.ir.core import Module
from mlrift.ir.passes import (
    ease_stepping,
    eliminate_tail_recursion,
    fold,
    inline_recursion,
    lower_fresh,
    promote_fresh,
    promote_slots,
    remove_dead_code,
    remove_unreachable_blocks,
    remove_unreachable_functions,
)
from mlrift.ir.passes.declaration import Pass
from mlrift.values import value

Observer = Callable[[str, Module], None]


@unique
class OptimisationLevel(Enum):
    """How much is done: only what code generation needs (-O0, with -g or without), or all (-O2)."""

    NONE = "0"
    STEPPING = "0 -g"
    FULL = "2"


@value
class Before:
    """`first` runs before `second` wherever both run."""

    first: str
    second: str
    because: str


PASSES: dict[str, Pass] = {
    row.name: row
    for row in (
        remove_unreachable_functions.PASS,
        remove_unreachable_blocks.PASS,
        promote_slots.PASS,
        fold.PASS,
        eliminate_tail_recursion.PASS,
        inline_recursion.PASS,
        promote_fresh.PASS,
        lower_fresh.PASS,
        remove_dead_code.PASS,
        ease_stepping.PASS,
    )
}

PIPELINES: dict[OptimisationLevel, tuple[str, ...]] = {
    OptimisationLevel.NONE: ("lower_fresh", "remove_unreachable_functions"),
    OptimisationLevel.STEPPING: ("lower_fresh", "ease_stepping", "remove_unreachable_functions"),
    OptimisationLevel.FULL: (
        "remove_unreachable_functions",
        "remove_unreachable_blocks",
        "promote_slots",
        "fold",
        "remove_unreachable_blocks",
        "remove_dead_code",
        "eliminate_tail_recursion",
        "inline_recursion",
        "promote_fresh",
        "lower_fresh",
        "remove_unreachable_blocks",
        "remove_dead_code",
        "remove_unreachable_functions",
    ),
}

ORDER: tuple[Before, ...] = (
    Before("promote_slots", "fold", "constants in variables are seen only as SSA values"),
    Before("promote_slots", "promote_fresh", "an address kept in a slot counts as escaped"),
    Before("fold", "promote_fresh", "offsets are constants, and dead uses do not count"),
    Before("promote_fresh", "lower_fresh", "a call is no longer recognised as storage"),
    Before("fold", "remove_dead_code", "folding leaves operands without a use"),
    Before("promote_fresh", "remove_dead_code", "its constants may be doubled"),
    Before("fold", "eliminate_tail_recursion", "what stands after a call is fewer ops"),
    Before("eliminate_tail_recursion", "inline_recursion", "a jump is better than a copy"),
    Before("inline_recursion", "promote_fresh", "storage in the frame keeps functions as they are"),
    Before("inline_recursion", "remove_unreachable_blocks", "copies are joined by jumps"),
)

LAST: dict[str, str] = {
    "remove_unreachable_functions": "earlier passes remove the last calls of functions",
}


def optimise(module: Module, level: OptimisationLevel, observe: Observer | None = None) -> None:
    """Run a level's passes; `observe(name, module)` is called after each (for dumps and tests)."""
    for name in PIPELINES[level]:
        run_pass(name, module)
        if observe is not None:
            observe(name, module)


def run_pass(name: str, module: Module) -> None:
    """Run one pass by its name, one for domain ops or kernels too."""
    if name.startswith("device_"):
        from mlrift.ir.passes.device_pipeline import (  # noqa: PLC0415 - in few programs
            find_device_pass,
        )

        find_device_pass(name).run(module)
        return
    if name not in PASSES:
        from mlrift.ir.passes.domain_pipeline import (  # noqa: PLC0415 - in few programs
            find_domain_pass,
        )

        find_domain_pass(name).run(module)
        return
    PASSES[name].run(module)
