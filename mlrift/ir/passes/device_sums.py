"""The parts of addresses: which a loop changes and how, which are uniform, and how to add them up.

Used by `device_addresses`. A *term* is a multiple of a value, or of a product of two of which the
second is fixed in the loop. Of the terms of an address in a loop some are *fixed*, some *turn* (a
parameter of the header that grows by the same in each turn), the others *move*.
"""

from mlrift.ir.analysis import intervals
from mlrift.ir.analysis.divergence import Divergence
from mlrift.ir.analysis.linear_form import LinearForm, LinearForms, as_signed
from mlrift.ir.analysis.loops import Loop
from mlrift.ir.analysis.ranges import Ranges
from mlrift.ir.core import Block, BlockParameter, Function, Successor, Value
from mlrift.ir.numbers import WORD_MASK
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Add, Constant, Mul, Shl, Sub
from mlrift.ir.ops.control import Branch
from mlrift.ir.ops.device import LdsArray
from mlrift.static_types import TypeVar
from mlrift.typesystem import I64
from mlrift.values import field, record, value

_Made = TypeVar("_Made", bound=Op)


@value
class Term:
    """`count` times a value, times another one that a loop does not change."""

    value: Value
    count: int = 1
    factor: Value | None = None


@record
class Split:
    """The terms of an address by what a turn of the loop does to them."""

    fixed: list[Term] = field(default_factory=list)
    turning: list[Term] = field(default_factory=list)
    moving: list[Term] = field(default_factory=list)


@value
class Step:
    """What a turn adds."""

    terms: tuple[Term, ...]
    constant: int


@record
class Counter:
    """A parameter of a header that grows by the same in each turn."""

    start: LinearForm
    step: LinearForm


@record
class AddressLoop:
    """A loop with its edges, what it makes, and its counters.

    `last` is the block that ends a turn: with a branch to the latch, as a rule, or the latch.
    """

    header: Block
    preheader: Block
    entering: Successor
    last: Block
    onward: Successor
    inside: set[Value]
    counters: dict[Value, Counter]


def describe_loop(
    loop: Loop, incoming: list[tuple[Block, Successor]], forms: LinearForms
) -> AddressLoop | None:
    """Return what is known of a loop; None if it has not the shape of `device_shape`."""
    outside = [row for row in incoming if row[0] not in loop.blocks]
    turning = [row for row in incoming if row[0] in loop.blocks]
    if len(outside) != 1 or len(turning) != 1 or len(outside[0][0].successors()) != 1:
        return None
    inside: set[Value] = set()
    for block in loop.blocks:
        inside.update(block.parameters)
        inside.update(made for made in block.ops if type(made) is not Constant)
    last = _last_block(loop, turning[0][0])
    found = AddressLoop(loop.header, *outside[0], last, turning[0][1], inside, {})
    for position, parameter in enumerate(loop.header.parameters):
        if parameter.type is I64:
            form = forms.of(found.onward.arguments[position])
            rest = tuple(row for row in form.terms if row[0] is not parameter)
            if (parameter, 1) in form.terms and not any(row[0] in inside for row in rest):
                start = forms.of(found.entering.arguments[position])
                found.counters[parameter] = Counter(start, LinearForm(rest, form.constant))
    return found


def _last_block(loop: Loop, latch: Block) -> Block:
    """Return the block that decides whether there is another turn, if it is just one."""
    before = [
        block for block in loop.blocks if any(edge.block is latch for edge in block.successors())
    ]
    return before[0] if len(before) == 1 and latch is not loop.header else latch


class Site:
    """Where ops are written: at the end of `ops`, for the source of some op of a block."""

    def __init__(self, made: Op, block: Block, ops: list[Op]) -> None:
        self.made = made
        self.block = block
        self.ops = ops

    def put(self, made: _Made) -> _Made:
        """Append an op."""
        made.span = self.made.span
        self.ops.append(made)
        return made

    def word(self, number: int) -> Constant:
        """Append a constant."""
        return self.put(Constant(number & WORD_MASK, I64))

    def add_multiple(self, total: Value | None, part: Value, count: int) -> Value:
        """Append a sum with a multiple of a value, or a difference."""
        size = abs(count)
        if size & (size - 1) == 0 and size > 1:
            part = self.put(Shl(part, self.word(size.bit_length() - 1)))
        elif size > 1:
            part = self.put(Mul(part, self.word(size)))
        if count > 0:
            return part if total is None else self.put(Add(total, part))
        return self.put(Sub(self.word(0) if total is None else total, part))


class Sums:
    """Takes the addresses of a function apart and adds up what they are made of."""

    def __init__(self, function: Function) -> None:
        self._divergent = Divergence(function).values
        self._ranges = Ranges(function)
        self._numbers: dict[Value, int] = {}
        for block in function.blocks:
            for made in (*block.parameters, *block.ops):
                self._numbers[made] = len(self._numbers)
        self._appended: list[Site] = []
        self._forms = LinearForms()

    def is_divergent(self, term: Term) -> bool:
        """Whether lanes have different values of a term."""
        return term.value in self._divergent or term.factor in self._divergent

    def split(self, form: LinearForm, loop: AddressLoop | None) -> Split:
        """Sort the terms of an address in a loop."""
        found = Split()
        for word, count in form.terms:
            if loop is None or word not in loop.inside:
                found.fixed.append(Term(word, count))
            elif word in loop.counters:
                found.turning.append(Term(word, count))
            else:
                self._split_product(word, count, loop, found)
        return found

    def _split_product(self, word: Value, count: int, loop: AddressLoop, found: Split) -> None:
        """Multiply out a product with a fixed factor, if its other factor has counters only."""
        if isinstance(word, Mul):
            for product, factor in ((word.lhs, word.rhs), (word.rhs, word.lhs)):
                form = self._forms.of(product)
                if factor in loop.inside or type(factor) is Constant:
                    continue
                if any(row[0] in loop.inside - loop.counters.keys() for row in form.terms):
                    continue
                for value, times in form.terms:
                    part = Term(value, as_signed(count * times), factor)
                    (found.turning if value in loop.counters else found.fixed).append(part)
                if form.constant:
                    found.fixed.append(Term(factor, as_signed(count * form.constant)))
                return
        found.moving.append(Term(word, count))

    def start_and_step(
        self, turning: list[Term], loop: AddressLoop
    ) -> tuple[list[Term], Step, int] | None:
        """Return what counters are at first, what a turn adds, and a constant of the first."""
        start: dict[tuple[Value, Value | None], int] = {}
        step: dict[tuple[Value, Value | None], int] = {}
        constants = [0, 0]
        for term in turning:
            counter = loop.counters[term.value]
            for number, (form, into) in enumerate(((counter.start, start), (counter.step, step))):
                for word, count in form.terms:
                    _add(into, (word, term.factor), count * term.count)
                if term.factor is None:
                    constants[number] += form.constant * term.count
                elif form.constant:
                    _add(into, (term.factor, None), form.constant * term.count)
        if not any(step.values()) and not constants[1]:
            return None
        return _terms(start), Step(tuple(_terms(step)), as_signed(constants[1])), constants[0]

    def fits(self, terms: list[Term], block: Block, end: int) -> bool:
        """Whether a sum is from 0 up to below `end` where control is in a block."""
        low = high = 0
        for term in terms:
            row = intervals.unsigned(self._ranges.at(term.value, block))
            if term.factor is not None:
                other = intervals.unsigned(self._ranges.at(term.factor, block))
                row = (row[0] * other[0], row[1] * other[1])
            ends = (row[0] * term.count, row[1] * term.count)
            low, high = low + min(ends), high + max(ends)
        return low >= 0 and high < end

    # ---- writing ----

    def of(self, terms: list[Term], site: Site, constant: int = 0) -> Value | None:
        """Write a sum of terms, multiples with one factor together; None for nothing."""
        by_count: dict[tuple[int, Value | None], list[Term]] = {}
        for term in sorted(terms, key=self._place):
            by_count.setdefault((term.count, term.factor), []).append(term)
        total: Value | None = None
        for (count, factor), row in sorted(by_count.items(), key=lambda item: item[0][0] < 0):
            part = row[0].value
            for term in row[1:]:
                part = site.put(Add(part, term.value))
            if factor is not None:
                part = site.put(Mul(part, factor))
            total = site.add_multiple(total, part, count)
        if constant:
            number = site.word(constant)
            total = number if total is None else site.put(Add(total, number))
        return total

    def _place(self, term: Term) -> tuple[bool, bool, int]:
        """Return where a term stands in a sum: what many addresses share comes first."""
        is_buffer = isinstance(term.value, BlockParameter) and term.count == 1
        return (type(term.value) is LdsArray, is_buffer, self._numbers.get(term.value, 0))

    def total(self, parts: list[Value | None], constant: int, site: Site) -> Value:
        """Write the sum of some values and a constant, in this order."""
        total: Value | None = None
        for part in parts:
            if part is not None:
                total = part if total is None else site.put(Add(total, part))
        if constant or total is None:
            number = site.word(constant)
            total = number if total is None else site.put(Add(total, number))
        return total

    def parameter(
        self, loop: AddressLoop, base: list[Term], constant: int, step: Step
    ) -> BlockParameter:
        """Add a pointer to a loop: a base at first, a step more in each turn."""
        pointer = BlockParameter(I64, "pointer")
        if any(self.is_divergent(row) for row in (*base, *step.terms)):
            self._divergent.add(pointer)
        loop.header.parameters.append(pointer)
        before = self._end_of(loop.preheader)
        first = self.total([self.of(base, before, constant)], 0, before)
        loop.entering.arguments.append(first)
        adding = self.of(list(step.terms), before)
        onward = self.total([pointer, adding], step.constant, self._end_of(loop.last))
        loop.onward.arguments.append(onward)
        return pointer

    def _end_of(self, block: Block) -> Site:
        """Return the end of a block that may be written anew meanwhile."""
        site = Site(block.ops[-1], block, [])
        self._appended.append(site)
        return site

    def finish(self) -> None:
        """Put what was written for the ends of blocks there.

        A test stays the last op before its branch, as its outcome is a flag.
        """
        for site in self._appended:
            ops = site.block.ops
            test = ops[-1].condition if isinstance(ops[-1], Branch) else None
            if test in ops and not any(test in made.operands() for made in ops[:-1]):
                assert isinstance(test, Op)
                ops.remove(test)
                ops[-1:-1] = [*site.ops, test]
            else:
                ops[-1:-1] = site.ops


_Counts = dict[tuple[Value, Value | None], int]


def _add(into: _Counts, key: tuple[Value, Value | None], count: int) -> None:
    into[key] = as_signed(into.get(key, 0) + count)


def _terms(counts: _Counts) -> list[Term]:
    return [Term(value, count, factor) for (value, factor), count in counts.items() if count]
