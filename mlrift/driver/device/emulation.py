"""`mlrc emulate`: words to arguments, a launch in the emulator, what to print about it.

Words are checked here: a mistake is a `BadArgument` with what is accepted.
"""

from pathlib import Path

import numpy

from mlrift.backends.amdgcn.codeobject.errors import CodeObjectError
from mlrift.backends.amdgcn.codeobject.model import ArgumentKind, KernelArgument
from mlrift.backends.amdgcn.codeobject.read import read
from mlrift.driver.device.inspection import chip_of_words
from mlrift.emulator import Device, EmulatorError, EmulatorFault
from mlrift.static_types import Any
from mlrift.values import value

__all__ = [
    "BadArgument",
    "CodeObjectError",
    "EmulatorError",
    "EmulatorFault",
    "Launch",
    "run_launch",
]

_NUMBERS: dict[str, Any] = {
    "u8": numpy.uint8,
    "u16": numpy.uint16,
    "u32": numpy.uint32,
    "u64": numpy.uint64,
    "i8": numpy.int8,
    "i16": numpy.int16,
    "i32": numpy.int32,
    "i64": numpy.int64,
    "f16": numpy.float16,
    "f32": numpy.float32,
    "f64": numpy.float64,
}
_BUFFER = "buffer"
_FILLS = ("zeros", "ones", "range", "random")
_LARGEST_COUNT = 1 << 28
_SHOWN = 8


class BadArgument(Exception):
    """Words of the command line that mean no launch."""


@value
class Launch:
    """What `mlrc emulate` was asked for."""

    data: bytes
    kernel: str
    grid: str
    block: str
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    seed: int | None
    is_counted: bool
    chip_name: str | None


def run_launch(launch: Launch) -> str:
    """Run a kernel, write the files that were asked for, and return the report."""
    loaded = read(launch.data, chip_of_words(launch.chip_name))
    wanted = [row for row in loaded.kernel(launch.kernel).image.arguments if not row.kind.is_hidden]
    _check_count(wanted, launch)
    random = numpy.random.default_rng(launch.seed or 0)
    values = [
        _argument(text, row, random) for text, row in zip(launch.arguments, wanted, strict=True)
    ]
    outputs = [_output(text, values) for text in launch.outputs]
    program = Device(loaded.chip.name).load(launch.data)
    report = program[launch.kernel].launch(
        grid=_extent("--grid", launch.grid),
        block=_extent("--block", launch.block),
        args=values,
        seed=launch.seed,
        count=launch.is_counted,
    )
    lines = [_described(number, row) for number, row in enumerate(values)]
    for number, path in outputs:
        numpy.save(path, values[number])
        lines.append(f"argument {number} -> {path}")
    text = "".join(f"{line}\n" for line in lines if line)
    return f"{text}{report}\n" if launch.is_counted else text


def _check_count(wanted: list[KernelArgument], launch: Launch) -> None:
    if len(launch.arguments) == len(wanted):
        return
    names = ", ".join(
        f"{row.name or 'argument'} ({_BUFFER if _is_buffer(row) else f'{row.size} bytes'})"
        for row in wanted
    )
    found = len(launch.arguments)
    raise BadArgument(f"{launch.kernel} takes {len(wanted)} arguments, not {found}: {names}")


def _is_buffer(row: KernelArgument) -> bool:
    return row.kind is ArgumentKind.GLOBAL_BUFFER


def _argument(text: str, wanted: KernelArgument, random: numpy.random.Generator) -> Any:
    kind, _, rest = text.partition(":")
    if kind == _BUFFER:
        return _buffer(text, rest, random)
    number = _NUMBERS.get(kind)
    if number is None:
        raise BadArgument(f"'{text}': write TYPE:NUMBER or buffer:..., TYPE of {_listed(_NUMBERS)}")
    if numpy.dtype(number).itemsize != wanted.size:
        raise BadArgument(f"'{text}': `{wanted.name}` has {wanted.size} bytes")
    try:
        return number(float(rest) if kind.startswith("f") else int(rest, 0))
    except (ValueError, OverflowError) as error:
        raise BadArgument(f"'{text}': '{rest}' is no {kind}") from error


def _buffer(text: str, rest: str, random: numpy.random.Generator) -> Any:
    parts = rest.split(":")
    if len(parts) == 3 and parts[0] in _NUMBERS and parts[1] in _FILLS:
        return _filled(text, _NUMBERS[parts[0]], parts[1], parts[2], random)
    if not rest.endswith(".npy"):
        fills = "|".join(_FILLS)
        raise BadArgument(f"'{text}': write buffer:FILE.npy or buffer:TYPE:{fills}:COUNT")
    try:
        found = numpy.load(rest, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise BadArgument(f"'{text}': not an array of numbers: {error}") from error
    if found.dtype.kind not in "iufb" or not found.dtype.isnative:
        raise BadArgument(f"'{text}': an array of {found.dtype} is no buffer")
    return numpy.ascontiguousarray(found)


def _filled(
    text: str, kind: Any, fill: str, count_text: str, random: numpy.random.Generator
) -> Any:
    if not count_text.isdecimal() or not 0 < int(count_text) <= _LARGEST_COUNT:
        raise BadArgument(f"'{text}': a count is a number from 1 to {_LARGEST_COUNT}")
    count = int(count_text)
    if fill == "random":
        is_float = numpy.dtype(kind).kind == "f"
        numbers = random.standard_normal(count) if is_float else random.integers(0, 100, count)
        return numbers.astype(kind)
    makers: dict[str, Any] = {"zeros": numpy.zeros, "ones": numpy.ones, "range": numpy.arange}
    return makers[fill](count, dtype=kind)


def _output(text: str, values: list[Any]) -> tuple[int, Path]:
    number, _, path = text.partition("=")
    if not number.isdecimal() or not path:
        raise BadArgument(f"--out={text}: write --out N=FILE.npy")
    is_buffer = int(number) < len(values) and isinstance(values[int(number)], numpy.ndarray)
    if not is_buffer:
        raise BadArgument(f"--out={text}: argument {number} is no buffer")
    return int(number), Path(path)


def _extent(option: str, text: str) -> tuple[int, int, int]:
    parts = text.split(",")
    if len(parts) > 3 or not all(row.isdecimal() and int(row) > 0 for row in parts):
        raise BadArgument(f"{option}={text}: write one to three numbers, as 4,2,1")
    x, y, z = [*map(int, parts), 1, 1][:3]
    return x, y, z


def _described(number: int, row: Any) -> str:
    """Return the first elements of a buffer after the run."""
    if not isinstance(row, numpy.ndarray):
        return ""
    shown = " ".join(f"{element:g}" for element in row.reshape(-1)[:_SHOWN])
    more = " ..." if row.size > _SHOWN else ""
    return f"argument {number}, {row.size} x {row.dtype}: {shown}{more}"


def _listed(names: dict[str, Any]) -> str:
    return ", ".join(names)
