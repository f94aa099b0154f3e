"""How a builtin is declared: one value that the checker and lowering both read."""

from __future__ import annotations

from collections.abc import Callable

from mlrift.static_types import TYPE_CHECKING
from mlrift.values import record

if TYPE_CHECKING:
    from mlrift.ir.builder import Builder
    from mlrift.ir.core import Value
    from mlrift.typesystem import ScalarType, VoidType


@record
class Builtin:
    """A builtin function.

    `parameters` decide argument conversion: U64 takes any word (a float as its bits), DOUBLE and
    SINGLE take floats. `result` U64 with `lower` giving the constant 0 is the "-> 0" of the
    reference. `is_raw_bits` marks a U64 result that converts to a float by reinterpretation.
    `never_returns` ends the paths of the missing-return rule. One with `several` gives as many
    results, all of the type `result`, to a declaration of that many variables.
    """

    name: str
    parameters: tuple[ScalarType, ...]
    result: ScalarType | VoidType
    lower: Callable[[Builder, list[Value]], Value]
    summary: str
    is_raw_bits: bool = False
    never_returns: bool = False
    result_count: int = 1
    several: Callable[[Builder, list[Value]], list[Value]] | None = None
