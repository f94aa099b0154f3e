"""Addresses become a uniform base, an offset of 32 bits and a constant, in this order.

    %i = group * 256 + local                 %b = arith.shl %group, 10
    %o = arith.shl %i, 2              =>     %base = arith.add %x, %b
    %p = arith.add %x, %o                    %o = arith.shl %local, 2
                                             %p = arith.add %base, %o

The machine adds such an address by itself, bases are computed once for all lanes, and offsets are
shared by all buffers. In a loop, what a turn adds to an address goes into the base, which becomes
a parameter of the loop (a pointer that moves on), if the offset does not hold it in 32 bits:

    ^loop(%k : i64):                         ^loop(%k : i64, %q : i64):
      %o = arith.shl %k, 2            =>       %p = arith.add %q, %lane4
      %p = arith.add %row, %o                  %q2 = arith.add %q, 128

An address in LDS is a sum whose constants come last, and what a loop does not change comes first.
Everything is arithmetic modulo 2**64, so addresses stay what they are.
"""

from mlrift.ir.analysis.block_order import innermost_loops
from mlrift.ir.analysis.control_flow import incoming_edges
from mlrift.ir.analysis.dominance import Dominators
from mlrift.ir.analysis.linear_form import LinearForm, LinearForms
from mlrift.ir.analysis.loops import natural_loops
from mlrift.ir.core import Block, Function, Value
from mlrift.ir.op import Op
from mlrift.ir.ops import device
from mlrift.ir.ops.memory import Load, Stack, Store, VolatileLoad, VolatileStore
from mlrift.ir.ops.vector_memory import VectorLoad, VectorStore
from mlrift.ir.passes.declaration import Pass, Property, on_functions
from mlrift.ir.passes.device_sums import AddressLoop, Site, Split, Step, Sums, Term, describe_loop
from mlrift.values import record

_LDS: frozenset[type[Op]] = frozenset({device.LdsLoad, device.LdsStore, device.LdsAdd})
_GLOBAL: frozenset[type[Op]] = frozenset(
    {
        Load,
        Store,
        VolatileLoad,
        VolatileStore,
        VectorLoad,
        VectorStore,
        device.AtomicAdd,
        device.AtomicExchangeIf,
        device.FragmentLoad,
        device.FragmentLoadSum,
        device.FragmentStore,
    }
)
_OFFSET_END = 1 << 32
_NEAR = 2048


def form_addresses(function: Function) -> None:
    """Give every address its form."""
    if any(type(made) in _GLOBAL or type(made) in _LDS for made in function.ops()):
        _Forming(function).run()


PASS = Pass(
    "device_addresses",
    on_functions(form_addresses),
    needs=frozenset({Property.NO_DEAD_BLOCKS, Property.NO_SLOTS}),
)


@record
class _Pointer:
    """A parameter of a loop that moves on; `constant` is part of what it is at first."""

    value: Value
    constant: int


class _Forming:
    """The work on one function, whose loops have preheaders and latches."""

    def __init__(self, function: Function) -> None:
        self.forms = LinearForms()
        dominators = Dominators(function)
        self.order = dominators.order
        loops = natural_loops(function, dominators)
        incoming = incoming_edges(self.order)
        known = {
            loop.header: describe_loop(loop, incoming[loop.header], self.forms) for loop in loops
        }
        self.loops: dict[Block, AddressLoop | None] = {
            block: known[loop.header] for block, loop in innermost_loops(loops).items()
        }
        self.sums = Sums(function)
        self.pointers: dict[tuple[object, ...], _Pointer] = {}

    def run(self) -> None:
        """Rewrite the addresses of all blocks."""
        for block in self.order:
            ops: list[Op] = []
            for made in block.ops:
                if type(made) in _GLOBAL:
                    self._form(made, Site(made, block, ops))
                elif type(made) in _LDS:
                    self._form_lds(made, Site(made, block, ops))
                ops.append(made)
            block.ops = ops
        self.sums.finish()

    def _form_lds(self, made: Op, site: Site) -> None:
        address = made.address  # type: ignore[attr-defined]  # accesses have one
        form = self.forms.of(address)
        if _is_plain(form):
            return
        split = self.sums.split(form, self.loops.get(site.block))
        terms = sorted(split.fixed, key=self.sums.is_divergent)
        first = self.sums.of(terms, site)
        rest = self.sums.of([*split.moving, *split.turning], site)
        made.replace_operands({address: self.sums.total([first, rest], form.constant, site)})

    def _form(self, made: Op, site: Site) -> None:
        address = made.address  # type: ignore[attr-defined]  # accesses have one
        form = self.forms.of(address)
        if _is_plain(form) or any(isinstance(word, Stack) for word, _ in form.terms):
            return  # private memory has addresses of 32 bits
        loop = self.loops.get(site.block)
        split = self.sums.split(form, loop)
        formed = self._as_offset(split, form, site)
        if formed is None and loop is not None and split.turning:
            formed = self._as_pointer(split, form, loop, site)
        if formed is None:
            formed = self._as_sum(split, form, site)
        made.replace_operands({address: formed})

    def _as_offset(self, split: Split, form: LinearForm, site: Site) -> Value | None:
        """Return a uniform base that is fixed, and one offset for all the rest."""
        base = [row for row in split.fixed if not self.sums.is_divergent(row)]
        rest = [row for row in split.fixed if self.sums.is_divergent(row)]
        rest += [*split.moving, *split.turning]
        is_scalar = not any(self.sums.is_divergent(row) for row in rest)
        if not base or (is_scalar and rest) or not self.sums.fits(rest, site.block, _OFFSET_END):
            return None
        near, far = _near_and_far(form.constant)
        parts = [self.sums.of(base, site, far), self.sums.of(rest, site)]
        return self.sums.total(parts, near, site)

    def _as_sum(self, split: Split, form: LinearForm, site: Site) -> Value:
        """Return a sum: uniform parts, then those of lanes, what is fixed before what moves."""
        is_divergent = self.sums.is_divergent
        near, far = _near_and_far(form.constant)
        moving = [*split.moving, *split.turning]
        parts = [
            self.sums.of([row for row in split.fixed if not is_divergent(row)], site, far),
            self.sums.of([row for row in moving if not is_divergent(row)], site),
            self.sums.of([row for row in split.fixed if is_divergent(row)], site),
            self.sums.of([row for row in moving if is_divergent(row)], site),
        ]
        return self.sums.total(parts, near, site)

    def _as_pointer(
        self, split: Split, form: LinearForm, loop: AddressLoop, site: Site
    ) -> Value | None:
        """Return a sum with a pointer that moves on by as much each turn."""
        found = self.sums.start_and_step(split.turning, loop)
        if found is None:
            return None
        start, step, first = found
        is_divergent = self.sums.is_divergent
        fixed = [*split.fixed, *start]
        lanes = [row for row in [*fixed, *split.moving] if is_divergent(row)]
        if self.sums.fits(lanes, site.block, _OFFSET_END) and not any(
            map(is_divergent, step.terms)
        ):
            base = [row for row in fixed if not is_divergent(row)]
            others = [row for row in split.moving if not is_divergent(row)]
        else:
            base, lanes = fixed, []
            others = split.moving
        constant = form.constant + first
        pointer = self._pointer(base, step, constant, loop)
        parts = [
            pointer.value,
            self.sums.of(others, site),
            self.sums.of(lanes, site),
        ]
        return self.sums.total(parts, constant - pointer.constant, site)

    def _pointer(self, base: list[Term], step: Step, constant: int, loop: AddressLoop) -> _Pointer:
        """Return the pointer of a loop with this base and step, a new one if there is none near."""
        key = (loop.header, frozenset(base), frozenset(step.terms), step.constant)
        _, far = _near_and_far(constant)
        known = self.pointers.get(key)
        if known is not None and abs(constant - known.constant) < _NEAR:
            return known
        made = _Pointer(self.sums.parameter(loop, base, far, step), far)
        self.pointers[key] = made
        return made


def _is_plain(form: LinearForm) -> bool:
    """Whether an address is one value and a constant already."""
    return len(form.terms) == 1 and form.terms[0][1] == 1


def _near_and_far(constant: int) -> tuple[int, int]:
    """Split a constant: what an instruction holds, and what the base has to."""
    near = (constant + _NEAR) % (2 * _NEAR) - _NEAR
    return near, constant - near
