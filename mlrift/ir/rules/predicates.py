"""Comparisons turned round and negated."""

from mlrift.ir.ops.compare import CompareFloat, CompareInteger, FloatPredicate, IntegerPredicate

_P = IntegerPredicate

SWAPPED = {
    _P.EQ: _P.EQ,
    _P.NE: _P.NE,
    _P.ULT: _P.UGT,
    _P.ULE: _P.UGE,
    _P.UGT: _P.ULT,
    _P.UGE: _P.ULE,
    _P.SLT: _P.SGT,
    _P.SLE: _P.SGE,
    _P.SGT: _P.SLT,
    _P.SGE: _P.SLE,
}
INVERSE = {
    _P.EQ: _P.NE,
    _P.NE: _P.EQ,
    _P.ULT: _P.UGE,
    _P.ULE: _P.UGT,
    _P.UGT: _P.ULE,
    _P.UGE: _P.ULT,
    _P.SLT: _P.SGE,
    _P.SLE: _P.SGT,
    _P.SGT: _P.SLE,
    _P.SGE: _P.SLT,
}
HOLDS_FOR_EQUAL = frozenset({_P.EQ, _P.ULE, _P.UGE, _P.SLE, _P.SGE})
_INVERSE_FLOAT = {
    FloatPredicate.EQ: FloatPredicate.NE,
    FloatPredicate.NE: FloatPredicate.EQ,
}


def inverse(made: CompareInteger | CompareFloat) -> CompareInteger | CompareFloat | None:
    """Return the comparison that holds exactly when this one does not, if there is one.

    The opposite of `lt` is not `ge`: with a NaN both are false.
    """
    if isinstance(made, CompareInteger):
        return CompareInteger(INVERSE[made.predicate], made.lhs, made.rhs)
    opposite = _INVERSE_FLOAT.get(made.predicate)
    return CompareFloat(opposite, made.lhs, made.rhs) if opposite is not None else None
