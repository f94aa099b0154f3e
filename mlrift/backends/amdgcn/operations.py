"""What the back end must know of an operation before it has a format: its unit, its effects, the
registers it touches without naming them, and which sources must not share the target's registers.

Operations that exist in several formats are described by the one with the most operands, as machine
IR names an implicit VCC as an operand.
"""

from functools import lru_cache

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Effects, Unit
from mlrift.backends.amdgcn.isa.registers import Register
from mlrift.backends.amdgcn.isa.rows import rows_of_operation
from mlrift.backends.amdgcn.mir import Pseudo
from mlrift.values import record


@record
class OperationFacts:
    """Facts about an operation. `lasting` are positions of sources that are read after the first
    result is written; `unit` is None for a pseudo operation. `invalidates`: of cache operations.
    """

    unit: Unit | None
    effects: Effects
    reads: tuple[Register, ...]
    writes: tuple[Register, ...]
    lasting: frozenset[int]
    invalidates: bool = False

    @property
    def touches_memory(self) -> bool:
        """Whether it loads or stores."""
        return bool(self.effects & (Effects.LOADS | Effects.STORES | Effects.ATOMIC))


class UnknownOperationError(ValueError):
    """An operation that a generation does not have."""


_PSEUDO = OperationFacts(None, Effects.NONE, (), (), frozenset())
_MATRIX_SOURCES = frozenset({1, 2})
_WIDE_MULTIPLY_SOURCES = frozenset({2, 3, 4})
_WIDE_MULTIPLIES = frozenset({"v_mad_u64_u32", "v_mad_i64_i32"})


@lru_cache(maxsize=4096)
def facts_of(operation: str | Pseudo, generation: Generation) -> OperationFacts:
    """Return the facts of an operation; raises UnknownOperationError for one that is lacking."""
    if isinstance(operation, Pseudo):
        return _PSEUDO
    rows = rows_of_operation(operation, generation)
    if not rows:
        raise UnknownOperationError(f"{generation.value} has no operation {operation}")
    row = max(rows, key=lambda row: len(row.operands))
    lasting: frozenset[int] = frozenset()
    if row.unit is Unit.MATRIX:
        lasting = _MATRIX_SOURCES
    elif generation is Generation.GFX11 and operation in _WIDE_MULTIPLIES:
        lasting = _WIDE_MULTIPLY_SOURCES
    invalidates = row.unit is Unit.CACHE and "inv" in operation
    return OperationFacts(row.unit, row.effects, row.reads, row.writes, lasting, invalidates)
