"""Builtins for parallel regions, carried out by functions of the program."""

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.ir.builder import Builder
from mlrift.ir.core import Value
from mlrift.typesystem import U64


def _region(builder: Builder, arguments: list[Value]) -> Value:
    builder.call_external("core.parallel_run", arguments, ())
    return builder.word(0)


def _parts(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("core.parallel_parts", arguments)


def _threads(builder: Builder, arguments: list[Value]) -> Value:
    return builder.call_external("core.parallel_threads", arguments)


def _set_threads(builder: Builder, arguments: list[Value]) -> Value:
    builder.call_external("core.parallel_choose", arguments, ())
    return builder.word(0)


PARALLEL = (
    Builtin(
        "os_parallel_run",
        (U64, U64, U64, U64, U64),
        U64,
        _region,
        "call a function (context, first, last, part) on parts of a range: "
        "its address, the context, the count, what borders are multiples of, how many parts",
    ),
    Builtin(
        "os_parallel_parts",
        (U64, U64, U64),
        U64,
        _parts,
        "how many parts a count is worth: the count, what borders are multiples of, "
        "how many each should have",
    ),
    Builtin("os_parallel_threads", (), U64, _threads, "how many threads carry out a region"),
    Builtin(
        "os_parallel_set_threads",
        (U64,),
        U64,
        _set_threads,
        "how many threads carry out the regions from now on; 0: MLRIFT_THREADS or the CPUs",
    ),
)
