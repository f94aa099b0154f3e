"""A kernel after the device passes enters, what selection wants to know of its values leaves.

Nothing is assumed about parameters but that accesses are aligned to their own size. Buffers may
overlap, so a uniform load may use scalar memory only when nothing the kernel does before it can
have changed what is there: neither a store of its own nor, behind a barrier or an atomic, one of
other items. Scalar caches do not see such stores.
"""

from mlrift.backends.amdgcn.facts import KernelFacts, Width
from mlrift.ir.analysis.alignment import TrailingZeros
from mlrift.ir.analysis.demanded_bits import LOW_HALF, DemandedBits
from mlrift.ir.analysis.divergence import Divergence, Together
from mlrift.ir.analysis.linear_form import base_of
from mlrift.ir.analysis.memory_versions import (
    MemoryVersions,
    Space,
    Version,
    changed_spaces,
    read_space,
)
from mlrift.ir.analysis.ranges import Ranges
from mlrift.ir.core import Function, Value
from mlrift.ir.numbers import WORD_MASK
from mlrift.ir.op import Op
from mlrift.ir.ops.memory import Load
from mlrift.ir.ops.vector_memory import VectorLoad
from mlrift.typesystem import F32, F64, I32, I64, MachineType

_MOST_ALIGNMENT_BITS = 8
_SIGNED_END = 1 << 31
_SCALAR: frozenset[MachineType] = frozenset({I32, I64, F32, F64})


def kernel_facts(function: Function) -> KernelFacts:
    """Compute the facts of a kernel in the normal form of `device_pipeline`."""
    divergence = Divergence(function)
    facts = KernelFacts(divergence.values, divergence.branches)
    in_group = Divergence(function, Together.GROUP).values
    ranges = Ranges(function)
    demanded = DemandedBits(function, ranges)
    zeros = TrailingZeros(function)
    for value in _values(function):
        if value not in in_group:
            facts.group_uniform.add(value)
        if value.type is I64:
            _note_word(facts, value, ranges, demanded, zeros)
    _note_scalar_loads(facts, function)
    return facts


def _values(function: Function) -> list[Value]:
    return [row for block in function.blocks for row in (*block.parameters, *block.ops)]


def _note_word(
    facts: KernelFacts,
    value: Value,
    ranges: Ranges,
    demanded: DemandedBits,
    zeros: TrailingZeros,
) -> None:
    low, high = ranges.of(value)
    looked_at = demanded.of(value)
    if looked_at <= LOW_HALF:
        facts.widths[value] = Width.LOW
        facts.low_only.add(value)
    elif low >= 0 and high <= LOW_HALF:
        facts.widths[value] = Width.LOW
    elif low >= -_SIGNED_END and high < _SIGNED_END:
        facts.widths[value] = Width.SIGNED
    if ranges.most(value) < WORD_MASK:
        facts.upper_bounds[value] = ranges.most(value)
    known = min(zeros.of(value), _MOST_ALIGNMENT_BITS)
    if known:
        facts.alignment[value] = 1 << known


def _note_scalar_loads(facts: KernelFacts, function: Function) -> None:
    """Find the uniform loads of memory as it was when the kernel began."""
    versions = MemoryVersions(function, Space.DEVICE)
    start = versions.at_start(function.entry)
    is_ever_changed = False
    for block in function.blocks:
        version: Version = versions.at_start(block)
        for made in block.ops:
            if version is start and made not in facts.divergent and _is_scalar_load(made):
                facts.scalar_loads.add(made)
            if Space.DEVICE in changed_spaces(made):
                version = made
                is_ever_changed = True
    if not is_ever_changed:
        facts.read_only.update(
            base
            for made in function.ops()
            if isinstance(made, Load | VectorLoad)
            and read_space(made) is Space.DEVICE
            and (base := base_of(made.address)) is not None
        )


def _is_scalar_load(made: Op) -> bool:
    if isinstance(made, Load):
        return made.memory_type in _SCALAR
    return isinstance(made, VectorLoad)
