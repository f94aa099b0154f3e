"""What a checked reader of model files accepts: GGUF (inference.md 3.1) and safetensors (3.2).

Enters: the bytes of a file. Leaves: how many tensors and keys it has, or `Refused`. Written from
the description of the formats alone, with every rule that the readers of std/ promise to hold.
"""

import json
import struct
from dataclasses import dataclass, field
from itertools import pairwise

_NUMBERS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_TEXT, _ARRAY = 8, 9
_BLOCKS = {
    **{0: (1, 4), 1: (1, 2), 30: (1, 2), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8)},
    **{28: (1, 8), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36)},
    **{10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210)},
    **{15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18)},
    **{21: (256, 110), 22: (256, 82), 23: (256, 136), 29: (256, 56), 34: (256, 54), 35: (256, 66)},
    39: (32, 17),
}
_MOST_ELEMENTS = 0x7FFFFFFFFFFF
_DTYPES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2}
_DTYPES |= {"I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1}


class Refused(Exception):
    """The file is not accepted."""


@dataclass(slots=True)
class _Bytes:
    data: bytes
    place: int = 0
    keys: dict[bytes, tuple[int, object]] = field(default_factory=dict)

    def take(self, count: int) -> bytes:
        """Take so many bytes, which must be there."""
        if count > len(self.data) - self.place:
            raise Refused
        self.place += count
        return self.data[self.place - count : self.place]

    def number(self, form: str) -> int:
        """Take an integer."""
        return int(struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0])

    def text(self) -> bytes:
        """Take a text with its length before it."""
        return self.take(self.number("Q"))

    def name(self) -> bytes:
        """Take the name of a key or tensor."""
        found = self.text()
        if not found or len(found) > 65535 or 0 in found:
            raise Refused
        return found


def read_gguf(data: bytes) -> tuple[int, int]:
    """Return the numbers of tensors and keys, or raise Refused."""
    file = _Bytes(data)
    if file.take(4) != b"GGUF" or file.number("I") not in (2, 3):
        raise Refused
    tensors, keys = file.number("Q"), file.number("Q")
    if tensors > len(data) or keys > len(data):
        raise Refused
    for _ in range(keys):
        name = file.name()
        kind = file.number("I")
        if name in file.keys:
            raise Refused
        file.keys[name] = (kind, _value(file, kind))
    alignment = _alignment(file)
    rows = [_tensor(file) for _ in range(tensors)]
    start = -(-file.place // alignment) * alignment
    _check_places(rows, len(data) - start, alignment)
    _check_vocabulary(file)
    return tensors, keys


def _value(file: _Bytes, kind: int) -> object:
    if kind in _NUMBERS:
        return file.take(_NUMBERS[kind])
    if kind == _TEXT:
        return file.text()
    if kind != _ARRAY:
        raise Refused
    item, count = file.number("I"), file.number("Q")
    if item in _NUMBERS:
        file.take(_NUMBERS[item] * count)
    elif item == _TEXT:
        if count > len(file.data):
            raise Refused
        for _ in range(count):
            file.text()
    else:
        raise Refused
    return (item, count)


def _alignment(file: _Bytes) -> int:
    kind, value = file.keys.get(b"general.alignment", (4, b"\x20\0\0\0"))
    if kind not in (4, 5, 10, 11):
        raise Refused
    assert isinstance(value, bytes)
    number = int.from_bytes(value, "little")
    if not 1 <= number <= 1 << 20 or number & (number - 1):
        raise Refused
    return number


def _tensor(file: _Bytes) -> tuple[bytes, list[int], int, int]:
    name = file.name()
    axes = file.number("I")
    if not 1 <= axes <= 4:
        raise Refused
    shape = [file.number("Q") for _ in range(axes)]
    return name, shape, file.number("I"), file.number("Q")


def _check_places(rows: list[tuple[bytes, list[int], int, int]], room: int, alignment: int) -> None:
    if len({row[0] for row in rows}) != len(rows):
        raise Refused
    spans: list[tuple[int, int]] = []
    for _, shape, kind, offset in rows:
        elements = 1
        for extent in shape:
            elements *= extent
            if not 0 < elements <= _MOST_ELEMENTS:
                raise Refused
        if kind not in _BLOCKS or shape[0] % _BLOCKS[kind][0] or offset % alignment:
            raise Refused
        end = offset + elements // _BLOCKS[kind][0] * _BLOCKS[kind][1]
        if end > room:
            raise Refused
        spans.append((offset, end))
    spans.sort()
    if any(after[0] < before[1] for before, after in pairwise(spans)):
        raise Refused


def _check_vocabulary(file: _Bytes) -> None:
    lengths: dict[str, int] = {}
    for name, items in {
        "tokens": (8,),
        "scores": (6,),
        "token_type": (4, 5),
        "merges": (8,),
    }.items():
        kind, value = file.keys.get(f"tokenizer.ggml.{name}".encode(), (None, None))
        if kind is None:
            continue
        if kind != _ARRAY or not isinstance(value, tuple) or value[0] not in items:
            raise Refused
        lengths[name] = value[1]
    for name in ("scores", "token_type"):
        if "tokens" in lengths and lengths.get(name, lengths["tokens"]) != lengths["tokens"]:
            raise Refused


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused
    return found


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MOST_ELEMENTS:
        raise Refused
    return value


def read_safetensors(data: bytes) -> int:
    """Return the number of tensors, or raise Refused."""
    if len(data) < 8:
        raise Refused
    size = int.from_bytes(data[:8], "little")
    if size > 100_000_000 or size > len(data) - 8 or data[8:9] != b"{":
        raise Refused
    text = data[8 : 8 + size].decode("latin-1")
    try:
        header = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except ValueError as wrong:
        raise Refused from wrong
    spans: list[tuple[int, int]] = []
    room = len(data) - 8 - size
    for name, row in header.items():
        if name != "__metadata__":
            spans.append(_span(name, row, room))
        elif not isinstance(row, dict) or not all(isinstance(v, str) for v in row.values()):
            raise Refused
    _check_cover(spans, room)
    return len(spans)


def _check_cover(spans: list[tuple[int, int]], room: int) -> None:
    filled = 0
    for first, end in sorted(spans):
        if first not in (end, filled):
            raise Refused
        filled = max(filled, end)
    if filled != room:
        raise Refused


def _refuse(_: str) -> object:
    raise Refused


def _span(name: str, row: object, room: int) -> tuple[int, int]:
    if not name or "\0" in name:
        raise Refused
    if not isinstance(row, dict) or set(row) != {"dtype", "shape", "data_offsets"}:
        raise Refused
    shape, offsets = row["shape"], row["data_offsets"]
    if not isinstance(shape, list) or not isinstance(offsets, list) or len(offsets) != 2:
        raise Refused
    elements = 1
    for extent in shape:
        elements *= _whole(extent)
        if elements > _MOST_ELEMENTS:
            raise Refused
    first, end = _whole(offsets[0]), _whole(offsets[1])
    if len(shape) > 8 or row["dtype"] not in _DTYPES or first > end or end > room:
        raise Refused
    if end - first != elements * _DTYPES[row["dtype"]]:
        raise Refused
    return first, end
