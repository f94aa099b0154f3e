"""Operations on vectors that are called by name: checked arguments in, the typed operation out.

`OPERATIONS` are those that need no vector to be meant; `GENERIC` are names that other things have
too, and mean vectors where an argument is one.
"""

from collections.abc import Callable, Sequence

from mlrift.diagnostics import catalog
from mlrift.frontend import typed
from mlrift.frontend.builtins import vector as ir
from mlrift.frontend.check.context import Context
from mlrift.frontend.check.conversions import to_word
from mlrift.frontend.check.vectors.arithmetic import narrowed
from mlrift.frontend.check.vectors.nodes import (
    BITS,
    FLOATS,
    INTEGERS,
    SCALARS,
    SIGNED,
    described,
    failed,
    fitted,
    operation,
    scalar_value,
    splatted,
)
from mlrift.frontend.check.vectors.types import are_lanes, constant_lanes, constant_of
from mlrift.ir.ops.vector_arith import BinaryKind, Dot4Kind, UnaryKind
from mlrift.ir.ops.vector_reduce import ReduceKind
from mlrift.source import Span
from mlrift.typesystem import ERROR, S64, U64, ElementKind, Type, VecType, vec_type
from mlrift.values import value

Handler = Callable[["Site"], typed.Expression]

_NUMBERS = INTEGERS | FLOATS
_BOOL = ElementKind.BOOL
_U8, _I8, _I16, _I32 = ElementKind.U8, ElementKind.I8, ElementKind.I16, ElementKind.I32
_TABLE_LANES = 16


class Mismatch(Exception):
    """Arguments that an operation does not take; the text says what it takes."""


@value
class Site:
    """One call: what it is of, its checked arguments."""

    context: Context
    name: str
    values: "list[typed.Expression]"
    span: Span

    def count(self, count: int, expected: str) -> None:
        """Refuse another number of arguments."""
        if len(self.values) != count:
            raise Mismatch(expected)

    def vector(self, place: int, kinds: "frozenset[ElementKind]", expected: str) -> VecType:
        """Return the type of an argument that is a vector of some kinds."""
        found = self.values[place].type
        if not isinstance(found, VecType) or found.kind not in kinds:
            raise Mismatch(expected)
        return found

    def word(self, place: int) -> typed.Expression:
        """Return an argument that is a word."""
        found = self.values[place]
        if isinstance(found.type, VecType) or found.type.is_float:
            raise Mismatch(f"a word as argument {place + 1}")
        return to_word(found)

    def make(
        self, made: Type, arguments: "list[typed.Expression]", lower: ir.Lowering
    ) -> typed.Expression:
        """Return the operation."""
        if any(row.type is ERROR for row in arguments):
            return failed(self.span)
        return operation(self.name, made, arguments, self.span, lower)


def call(
    context: Context, name: str, values: "list[typed.Expression]", span: Span
) -> typed.Expression | None:
    """Return an operation; None if `name` is none."""
    handler = OPERATIONS.get(name)
    if handler is None and any(isinstance(row.type, VecType) for row in values):
        handler = GENERIC.get(name)
    if handler is None:
        return None
    if any(row.type is ERROR for row in values):
        return failed(span)
    site = Site(context, name, values, span)
    try:
        return handler(site)
    except Mismatch as mismatch:
        found = ", ".join([described(row.type) for row in values]) or "nothing"
        diagnostic = catalog.VECTOR_ARGUMENTS.at(
            span, name=name, expected=str(mismatch), found=found
        )
        context.emit(diagnostic)
        return failed(span)


# ---------------------------------------------------------------------------------- making


def _made_type(site: Site, kind: ElementKind, place: int) -> VecType | None:
    lanes = constant_lanes(site.context, site.values[place])
    return None if lanes is None else vec_type(kind, lanes)


def _splat(kind: ElementKind) -> Handler:
    def handle(site: Site) -> typed.Expression:
        site.count(2, "a scalar and the number of lanes")
        made = _made_type(site, kind, 1)
        return failed(site.span) if made is None else splatted(site.context, site.values[0], made)

    return handle


def _iota(kind: ElementKind) -> Handler:
    def handle(site: Site) -> typed.Expression:
        site.count(1, "the number of lanes")
        made = _made_type(site, kind, 0)
        return failed(site.span) if made is None else site.make(made, [], ir.iota(made.machine))

    return handle


def _load(kind: ElementKind) -> Handler:
    def handle(site: Site) -> typed.Expression:
        site.count(2, "an address and the number of lanes")
        made = _made_type(site, kind, 1)
        if made is None:
            return failed(site.span)
        return site.make(made, [site.word(0)], ir.load(made.machine))

    return handle


def _load_masked(kind: ElementKind) -> Handler:
    def handle(site: Site) -> typed.Expression:
        site.count(3, "an address, the number of lanes and how many to load")
        made = _made_type(site, kind, 1)
        if made is None:
            return failed(site.span)
        return site.make(made, [site.word(0), site.word(2)], ir.load_masked(made.machine))

    return handle


def _gather(kind: ElementKind) -> Handler:
    expected = "an address and offsets of i32 or u64"

    def handle(site: Site) -> typed.Expression:
        site.count(2, expected)
        kinds = frozenset((_I32, ElementKind.U64, ElementKind.I64))
        offsets = site.vector(1, kinds, expected)
        made = vec_type(kind, offsets.lanes)
        return site.make(made, [site.word(0), site.values[1]], ir.gather(made.machine))

    return handle


_STORED = frozenset(row for row in ElementKind if row is not _BOOL)


def _store(site: Site) -> typed.Expression:
    expected = "an address and a vector of numbers"
    site.count(2, expected)
    site.vector(1, _STORED, expected)
    return site.make(U64, [site.word(0), site.values[1]], ir.store)


def _store_masked(site: Site) -> typed.Expression:
    expected = "an address, a vector of numbers and how many to store"
    site.count(3, expected)
    site.vector(1, _STORED, expected)
    return site.make(U64, [site.word(0), site.values[1], site.word(2)], ir.store_masked)


def _prefetch(site: Site) -> typed.Expression:
    site.count(1, "an address")
    return site.make(U64, [site.word(0)], ir.prefetch)


# ----------------------------------------------------------------------------- rearranging


def _bits(kind: ElementKind) -> Handler:
    def handle(site: Site) -> typed.Expression:
        site.count(1, "a vector of numbers")
        found = site.vector(0, _STORED, "a vector of numbers")
        lanes = found.lanes * BITS[found.kind] // BITS[kind]
        if not are_lanes(site.context, lanes, site.span):
            return failed(site.span)
        made = vec_type(kind, lanes)
        return site.make(made, site.values, ir.bits(made.machine))

    return handle


_ALL = frozenset(ElementKind)


def _half(lower: ir.Lowering) -> Handler:
    def handle(site: Site) -> typed.Expression:
        site.count(1, "a vector")
        found = site.vector(0, _ALL, "a vector")
        if not are_lanes(site.context, found.lanes // 2, site.span):
            return failed(site.span)
        return site.make(vec_type(found.kind, found.lanes // 2), site.values, lower)

    return handle


def _alike(site: Site, expected: str) -> VecType:
    first = site.vector(0, _ALL, expected)
    if site.values[1].type is not first:
        raise Mismatch(expected)
    return first


def _join(site: Site) -> typed.Expression:
    site.count(2, "two vectors of one type")
    found = _alike(site, "two vectors of one type")
    if not are_lanes(site.context, 2 * found.lanes, site.span):
        return failed(site.span)
    return site.make(vec_type(found.kind, 2 * found.lanes), site.values, ir.join)


def _pick(site: Site) -> typed.Expression:
    expected = "two vectors of one type and the numbers of lanes"
    if len(site.values) < 2:
        raise Mismatch(expected)
    found = _alike(site, expected)
    lanes: list[int] = []
    for row in site.values[2:]:
        number = constant_of(row)
        if number is None or number >= 2 * found.lanes:
            raise Mismatch(f"constants below {2 * found.lanes} after the vectors")
        lanes.append(number)
    return _picked(site, found, lanes)


def _picked(site: Site, found: VecType, lanes: Sequence[int]) -> typed.Expression:
    if not are_lanes(site.context, len(lanes), site.span):
        return failed(site.span)
    made = vec_type(found.kind, len(lanes))
    return site.make(made, site.values[:2], ir.pick(tuple(lanes)))


def _interleave(first: Callable[[int], int]) -> Handler:
    def handle(site: Site) -> typed.Expression:
        site.count(2, "two vectors of one type")
        found = _alike(site, "two vectors of one type")
        start = first(found.lanes)
        lanes = [
            number
            for lane in range(start, start + found.lanes // 2)
            for number in (lane, found.lanes + lane)
        ]
        return _picked(site, found, lanes)

    return handle


def _table(site: Site) -> typed.Expression:
    expected = "a table of 16 u8 or i8, and indices of u8"
    site.count(2, expected)
    table = site.vector(0, frozenset((_U8, _I8)), expected)
    indices = site.vector(1, frozenset((_U8,)), expected)
    if table.lanes != _TABLE_LANES:
        raise Mismatch(expected)
    return site.make(vec_type(table.kind, indices.lanes), site.values, ir.table)


def _narrow(kind: ElementKind) -> Handler:
    expected = f"a vector of integers that are wider than {kind.value}"

    def handle(site: Site) -> typed.Expression:
        site.count(1, expected)
        if BITS[site.vector(0, INTEGERS, expected).kind] <= BITS[kind]:
            raise Mismatch(expected)
        return narrowed(site.values[0], kind, site.span)

    return handle


def _set_lane(site: Site) -> typed.Expression:
    expected = "a vector, the number of a lane and a scalar"
    site.count(3, expected)
    found = site.vector(0, _ALL, expected)
    scalar = scalar_value(site.context, site.values[2], found.kind)
    return site.make(found, [site.values[0], site.word(1), scalar], ir.set_lane)


# -------------------------------------------------------------------------------- lanewise


def _choose(site: Site) -> typed.Expression:
    expected = "a vector of bool, and two vectors or scalars"
    site.count(3, expected)
    mask = site.vector(0, frozenset((_BOOL,)), expected)
    made = next((row.type for row in site.values[1:] if isinstance(row.type, VecType)), None)
    if made is None or made.lanes != mask.lanes:
        raise Mismatch(expected)
    chosen = [fitted(site.context, row, made) for row in site.values[1:]]
    return site.make(made, [site.values[0], *chosen], ir.select)


def _least(signed: BinaryKind, unsigned: BinaryKind, of_floats: BinaryKind) -> Handler:
    def handle(site: Site) -> typed.Expression:
        expected = "two vectors of one type, or a vector and a scalar"
        site.count(2, expected)
        place = 0 if isinstance(site.values[0].type, VecType) else 1
        made = site.vector(place, _NUMBERS, expected)
        kind = signed if made.kind in SIGNED else unsigned
        if made.kind in FLOATS:
            kind = of_floats
        operands = [fitted(site.context, row, made) for row in site.values]
        return site.make(made, operands, ir.binary(kind))

    return handle


def _function(kind: UnaryKind, kinds: "frozenset[ElementKind]") -> Handler:
    def handle(site: Site) -> typed.Expression:
        names = ", ".join(row.value for row in ElementKind if row in kinds)
        expected = f"a vector of {names}"
        site.count(1, expected)
        found = site.vector(0, kinds, expected)
        return site.make(found, site.values, ir.unary(kind))

    return handle


def _absolute(site: Site) -> typed.Expression:
    expected = "a vector of numbers"
    site.count(1, expected)
    found = site.vector(0, _NUMBERS, expected)
    if found.kind in INTEGERS and found.kind not in SIGNED:
        return site.values[0]
    return site.make(found, site.values, ir.unary(UnaryKind.ABS))


def _fma(site: Site) -> typed.Expression:
    expected = "three vectors of one type of floats, or scalars for some of them"
    site.count(3, expected)
    made = next((row.type for row in site.values if isinstance(row.type, VecType)), None)
    if made is None or made.kind not in FLOATS:
        raise Mismatch(expected)
    operands = [fitted(site.context, row, made) for row in site.values]
    return site.make(made, operands, ir.fma)


# ---------------------------------------------------------------------------------- wholes


def _reduce(signed: ReduceKind, unsigned: ReduceKind, of_floats: ReduceKind) -> Handler:
    def handle(site: Site) -> typed.Expression:
        expected = "a vector of numbers that are no halves"
        site.count(1, expected)
        found = site.vector(0, _NUMBERS, expected)
        kind = of_floats
        if found.kind in INTEGERS:
            kind = signed if found.kind in SIGNED else unsigned
        bits = BITS[found.kind] if found.kind in SIGNED else 0
        return site.make(SCALARS[found.kind], site.values, ir.reduce(kind, bits))

    return handle


def _of_mask(lower: ir.Lowering) -> Handler:
    def handle(site: Site) -> typed.Expression:
        site.count(1, "a vector of bool")
        site.vector(0, frozenset((_BOOL,)), "a vector of bool")
        return site.make(U64, site.values, lower)

    return handle


# -------------------------------------------------------------------------------- products


def _sums(site: Site, kind: ElementKind, expected: str) -> VecType:
    site.count(3, expected)
    return site.vector(0, frozenset((kind,)), expected)


def _factors(site: Site, kinds: "frozenset[ElementKind]", lanes: int, expected: str) -> None:
    for place in (1, 2):
        if site.vector(place, kinds, expected).lanes != lanes:
            raise Mismatch(expected)


def _dot4(site: Site) -> typed.Expression:
    expected = "sums of i32, four times as many i8 or u8, and as many i8"
    sums = _sums(site, _I32, expected)
    _factors(site, frozenset((_I8, _U8)), 4 * sums.lanes, expected)
    kinds = [row.type.kind for row in site.values[1:] if isinstance(row.type, VecType)]
    if kinds[1] is not _I8:
        raise Mismatch(expected)
    kind = Dot4Kind.SIGNED if kinds[0] is _I8 else Dot4Kind.UNSIGNED_SIGNED
    return site.make(sums, site.values, ir.dot4(kind))


def _dot2(site: Site) -> typed.Expression:
    expected = "sums of f32, and twice as many bf16 two times"
    sums = _sums(site, ElementKind.F32, expected)
    _factors(site, frozenset((ElementKind.BF16,)), 2 * sums.lanes, expected)
    return site.make(sums, site.values, ir.dot2)


def _dot2_words(site: Site) -> typed.Expression:
    expected = "sums of i32, and twice as many i16 two times"
    sums = _sums(site, _I32, expected)
    _factors(site, frozenset((_I16,)), 2 * sums.lanes, expected)
    return site.make(sums, site.values, ir.dot2_words)


def _level(site: Site) -> typed.Expression:
    site.count(0, "nothing")
    return site.make(S64, [], ir.level)


_SUM = ReduceKind.ADD
OPERATIONS: dict[str, Handler] = {
    **{f"vec_load_{row.value}": _load(row) for row in _STORED},
    **{f"vec_load_{row.value}_masked": _load_masked(row) for row in _STORED},
    **{f"vec_gather_{row.value}": _gather(row) for row in _STORED},
    **{f"vec_bits_{row.value}": _bits(row) for row in _STORED},
    **{f"vec_splat_{row.value}": _splat(row) for row in ElementKind},
    **{f"vec_iota_{row.value}": _iota(row) for row in INTEGERS},
    **{f"vec_narrow_{row.value}": _narrow(row) for row in INTEGERS if BITS[row] <= BITS[_I32]},
    "vec_store": _store,
    "vec_store_masked": _store_masked,
    "vec_low": _half(ir.low),
    "vec_high": _half(ir.high),
    "vec_join": _join,
    "vec_pick": _pick,
    "vec_interleave_low": _interleave(lambda _lanes: 0),
    "vec_interleave_high": _interleave(lambda lanes: lanes // 2),
    "vec_table": _table,
    "vec_set": _set_lane,
    "vec_sum": _reduce(_SUM, _SUM, _SUM),
    "vec_min": _reduce(ReduceKind.SMIN, ReduceKind.UMIN, ReduceKind.MIN),
    "vec_max": _reduce(ReduceKind.SMAX, ReduceKind.UMAX, ReduceKind.MAX),
    "vec_any": _of_mask(ir.any_lane),
    "vec_all": _of_mask(ir.all_lanes),
    "vec_count": _of_mask(ir.count),
    "vec_mask": _of_mask(ir.mask_word),
    "vec_dot4": _dot4,
    "vec_dot2": _dot2,
    "vec_dot2_i16": _dot2_words,
    "vec_level": _level,
    "prefetch": _prefetch,
}
GENERIC: dict[str, Handler] = {
    "where": _choose,
    "min": _least(BinaryKind.SMIN, BinaryKind.UMIN, BinaryKind.MIN),
    "max": _least(BinaryKind.SMAX, BinaryKind.UMAX, BinaryKind.MAX),
    "abs": _absolute,
    "sqrt": _function(UnaryKind.SQRT, FLOATS),
    "floor": _function(UnaryKind.FLOOR, FLOATS),
    "ceil": _function(UnaryKind.CEIL, FLOATS),
    "round": _function(UnaryKind.ROUND, FLOATS),
    "fma": _fma,
}
