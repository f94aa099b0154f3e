"""How addresses of global memory become a scalar base, a 32-bit lane offset and a constant.

    base + (x << 2) + 16   ->   global_load_b32 v, v_shifted, s[base] offset:16

The base is uniform, the offset below 2**32. What fits neither is an address in a vector pair.
"""

from mlrift.backends.amdgcn.isa.instruction import Inline
from mlrift.backends.amdgcn.isa.registers import NULL
from mlrift.backends.amdgcn.mir import MachineOperand, VirtualRegister
from mlrift.backends.amdgcn.selection.constants import word_operand
from mlrift.backends.amdgcn.selection.emitter import high_part, low_part
from mlrift.backends.amdgcn.selection.integers import add_words
from mlrift.backends.amdgcn.selection.private import is_private
from mlrift.backends.amdgcn.selection.selector import LOW_MASK, Selector
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import Add, Constant, Sub
from mlrift.values import field, record, value

_WORD_END = 1 << 64
_HALF = 1 << 63


@record
class Terms:
    """An address as a sum."""

    uniform: list[Value] = field(default_factory=list)
    divergent: list[Value] = field(default_factory=list)
    constant: int = 0


@value
class Address:
    """Operands of a global memory instruction: `vaddr`, `saddr` (NULL for none) and the offset."""

    lanes: MachineOperand
    base: MachineOperand
    offset: int


def terms_of(selector: Selector, address: Value) -> Terms:
    """Take an address apart: sums of lanes' values, and constants of uniform ones."""
    terms = Terms()
    work = [address]
    while work:
        term = work.pop()
        if isinstance(term, Constant):
            terms.constant += int(term.value)
        elif isinstance(term, Sub) and isinstance(term.rhs, Constant):
            terms.constant -= int(term.rhs.value)
            work.append(term.lhs)
        elif isinstance(term, Add) and _opens(selector, term):
            work += [term.rhs, term.lhs]
        elif selector.is_divergent(term):
            terms.divergent.append(term)
        else:
            terms.uniform.append(term)
    terms.constant %= _WORD_END
    if terms.constant >= _HALF:
        terms.constant -= _WORD_END
    return terms


def _opens(selector: Selector, term: Add) -> bool:
    """Whether a sum is looked into: one of lanes, or of a constant."""
    if selector.size_of(term) == 1 and not selector.is_divergent(term):
        return False
    if selector.size_of(term) == 1:
        return _adds_up(selector, term)
    return (
        selector.is_divergent(term)
        or isinstance(term.lhs, Constant)
        or isinstance(term.rhs, Constant)
    )


def _adds_up(selector: Selector, term: Add) -> bool:
    """Whether a sum of one dword is that of 64 bits, so that it may be taken apart."""
    return (
        isinstance(term.rhs, Constant)
        and selector.bound(term.lhs) + int(term.rhs.value) <= LOW_MASK
    )


def global_address(selector: Selector, address: Value) -> Address:
    """Return the operands for an access at an address."""
    if is_private(selector, address):
        raise selector.refuse("a local array is used as memory that others see")
    terms = terms_of(selector, address)
    constant = terms.constant
    if constant not in selector.rules.global_offsets:
        fitting = _fitting_part(constant, selector.rules.global_offsets)
        far, constant = constant - fitting, fitting
    else:
        far = 0
    small, wide = _small_terms(selector, terms.divergent)
    if wide or not terms.uniform:
        return _lane_address(selector, terms, far, constant)
    base = scalar_sum(selector, terms.uniform, far)
    return Address(_sum_of_words(selector, small), base, constant)


def _fitting_part(constant: int, offsets: range) -> int:
    """Return what of a far constant goes into the offset: its low bits."""
    return constant & (offsets.stop - 1)


def _small_terms(selector: Selector, terms: list[Value]) -> tuple[list[Value], list[Value]]:
    """Return the terms that make up a 32-bit offset, and the others."""
    small: list[Value] = []
    wide: list[Value] = []
    most = 0
    for term in terms:
        if most + selector.bound(term) <= LOW_MASK:
            most += selector.bound(term)
            small.append(term)
        else:
            wide.append(term)
    return small, wide


def _sum_of_words(selector: Selector, terms: list[Value]) -> MachineOperand:
    """Return a vector register with a 32-bit sum."""
    if not terms:
        return selector.zero_vector()
    total = selector.vector_word(terms[0])
    for term in terms[1:]:
        made = selector.vector()
        selector.valu("v_add_nc_u32", made, total, selector.word(term))
        total = made
    return total


def scalar_sum(selector: Selector, terms: list[Value], constant: int) -> MachineOperand:
    """Return a scalar pair with a 64-bit sum."""
    total = selector.scalar_pair(terms[0])
    if isinstance(total, Inline):
        total = selector.constant_pair(int(total.number))
    following = [[selector.in_scalar(row) for row in selector.words(term)] for term in terms[1:]]
    if constant:
        following.append([word_operand(constant), word_operand(constant >> 32)])
    for low, high in following:
        made = selector.scalar(2)
        selector.emit("s_add_u32", low_part(made), low_part(total), low)
        selector.emit("s_addc_u32", high_part(made), high_part(total), high)
        total = made
    return total


def _lane_address(selector: Selector, terms: Terms, far: int, offset: int) -> Address:
    """Return an address in a vector pair."""
    parts: list[tuple[MachineOperand, MachineOperand]] = []
    if terms.uniform and (len(terms.uniform) > 1 or far):
        base = scalar_sum(selector, terms.uniform, far)
        parts.append((low_part(base), high_part(base)))
    elif terms.uniform:
        parts.append(selector.words(terms.uniform[0]))
    elif far:
        parts.append((word_operand(far), word_operand(far >> 32)))
    if not parts and len(terms.divergent) == 1:
        return Address(selector.vector_pair(terms.divergent[0]), NULL, offset)
    parts += [selector.words(term) for term in terms.divergent]
    if not parts:
        parts.append((Inline(0), Inline(0)))
    total = parts[0]
    for part in parts[1:]:
        made = selector.vector(2)
        add_words(selector, made, total, part)
        total = (low_part(made), high_part(made))
        whole: MachineOperand = made
    if len(parts) == 1:
        made = selector.vector(2)
        selector.assemble(made, *total)
        whole = made
    return Address(whole, NULL, offset)


def lds_address(selector: Selector, address: Value) -> tuple[MachineOperand, int]:
    """Return the vector register and the offset of an access to LDS."""
    constant = 0
    term = address
    while isinstance(term, Add):
        known = _constant_of(selector, term.rhs)
        if known is not None:
            constant, term = constant + known, term.lhs
            continue
        known = _constant_of(selector, term.lhs)
        if known is None:
            break
        constant, term = constant + known, term.rhs
    known = _constant_of(selector, term)
    if known is not None:
        constant += known
        if 0 <= constant < _LDS_OFFSETS:
            zero = selector.zero_vector()
            selector.lds_alignment[zero] = _ANY_ALIGNMENT
            return zero, constant
        return selector.in_vector(word_operand(constant)), 0
    constant &= LOW_MASK
    if constant < _LDS_OFFSETS:
        register = selector.vector_word(term)
        if isinstance(register, VirtualRegister):
            selector.lds_alignment[register] = selector.facts.alignment.get(term, 1)
        return register, constant
    made = selector.vector()
    selector.valu("v_add_nc_u32", made, selector.word(term), word_operand(constant))
    return made, 0


_LDS_OFFSETS = 1 << 16
_ANY_ALIGNMENT = 16


def _constant_of(selector: Selector, term: Value) -> int | None:
    if isinstance(term, Constant):
        return int(term.value)
    return selector.lds_base(term)
