"""What sources a vector instruction may have: moves into vector registers what it may not.

An instruction reads at most two different scalar registers and literals (gfx10: one in a 64-bit
shift), one literal, and no mask beside them counts less. `prefer_vector_second` turns commutative
operations so that the short encodings, whose second source is a vector register, are possible.
"""

from mlrift.backends.amdgcn.isa.instruction import Inline, Literal
from mlrift.backends.amdgcn.mir import MachineOperand, Part, VirtualRegister
from mlrift.backends.amdgcn.selection.emitter import dwords_of, is_vector
from mlrift.static_types import TYPE_CHECKING

if TYPE_CHECKING:
    from mlrift.backends.amdgcn.selection.selector import Selector

_COMMUTATIVE = frozenset(
    {
        "v_add_nc_u32",
        "v_add_f32",
        "v_add_f64",
        "v_mul_f32",
        "v_mul_f64",
        "v_and_b32",
        "v_or_b32",
        "v_xor_b32",
        "v_xnor_b32",
        "v_max_f32",
        "v_min_f32",
        "v_max_f64",
        "v_min_f64",
        "v_max_u32",
        "v_min_u32",
        "v_max_i32",
        "v_min_i32",
        "v_mul_u32_u24",
        "v_mul_lo_u32",
        "v_mul_hi_u32",
    }
)
_REVERSED = {"v_sub_nc_u32": "v_subrev_nc_u32", "v_sub_f32": "v_subrev_f32"}
_SHIFTS = ("v_lshlrev_b64", "v_lshrrev_b64", "v_ashrrev_i64")
_MASKED = frozenset({"v_cndmask_b32", "v_add_co_ci_u32", "v_sub_co_ci_u32"})
_SCALARS = 2


def legalise(
    selector: "Selector",
    operation: str,
    sources: list[MachineOperand],
    modifiers: dict[str, int] | None,
) -> list[MachineOperand]:
    """Return sources that an operation may have, in the order that is given or a better one."""
    limit = selector.rules.shift64_scalars if operation in _SHIFTS else _SCALARS
    counted: list[object] = []
    movable = sources
    if operation in _MASKED:
        counted.append(_scalar_key(sources[-1]))
        movable = sources[:-1]
    for position, source in enumerate(movable):
        key = _scalar_key(source)
        if key is None or key in counted:
            continue
        if len(counted) == limit or (
            isinstance(source, Literal) and any(isinstance(row, Literal) for row in counted)
        ):
            sources[position] = _moved(selector, source, operation)
        else:
            counted.append(key)
    if operation in _COMMUTATIVE and not modifiers and not is_vector(sources[1]):
        sources[0], sources[1] = sources[1], sources[0]
    return sources


def _moved(selector: "Selector", source: MachineOperand, operation: str) -> MachineOperand:
    if dwords_of(source) == 2:
        return selector.in_vector_pair(source)
    if isinstance(source, Literal) and operation.endswith("f64"):
        made = selector.vector(2)
        selector.assemble(made, Inline(0), source)
        return made
    return selector.in_vector(source)


def _scalar_key(source: MachineOperand) -> object | None:
    """Return what tells scalar sources apart, None for what is free."""
    if isinstance(source, Inline) or is_vector(source):
        return None
    if isinstance(source, VirtualRegister):
        return (id(source), 0)
    if isinstance(source, Part):
        return (id(source.of), source.first)
    return source
