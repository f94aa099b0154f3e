"""Rows of the memory and cache instructions, from `memory_rows.py`."""

from collections.abc import Iterator

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import memory_rows
from mlrift.backends.amdgcn.isa.formats import Encoding, format_of
from mlrift.backends.amdgcn.isa.instruction import Access, Effects, OperandSpec, Row, Unit
from mlrift.backends.amdgcn.isa.registers import EXEC, M0
from mlrift.backends.amdgcn.isa.table_lines import Line, operand, read_lines
from mlrift.values import replace

ANY_OFFSET = -1
"""The mask of a modifier that is a signed number."""

_KINDS = {
    "load": Effects.LOADS,
    "store": Effects.STORES,
    "atomic": Effects.ATOMIC | Effects.LOADS | Effects.STORES,
    "returning": Effects.ATOMIC | Effects.LOADS | Effects.STORES | Effects.RETURNS,
    "lanes": Effects.NONE,
    "cache": Effects.NONE,
    "clock": Effects.NONE,
}
_DS_FIELDS = {"d": "vdst", "a": "addr", "x": "data0", "y": "data1"}
_READS_M0 = ("ds_append", "ds_consume", "ds_load_addtid_b32")
_NULL_CODE = 124
_SEGMENTS = {
    "f": ("flat_", Encoding.FLAT, Unit.FLAT),
    "g": ("global_", Encoding.GLOBAL, Unit.GLOBAL),
    "s": ("scratch_", Encoding.SCRATCH, Unit.SCRATCH),
    "b": ("buffer_", Encoding.MUBUF, Unit.BUFFER),
}
_ANY_OFFSETS = dict.fromkeys(Generation, ANY_OFFSET)
_OFFSETS = {
    "f": {Generation.GFX10: 0x7FF, Generation.GFX11: 0xFFF, Generation.GFX12: ANY_OFFSET},
    "b": {Generation.GFX10: 0xFFF, Generation.GFX11: 0xFFF, Generation.GFX12: 0x7FFFFF},
}
"""Offsets of segments that are not signed everywhere."""

_BUFFER_OFFSETS = {
    Generation.GFX10: 0xFFFFF,
    Generation.GFX11: 0xFFFFF,
    Generation.GFX12: 0x7FFFFF,
}
"""Offsets of scalar buffer loads are never negative."""

_CACHE_BITS = {"dlc": 1, "glc": 1, "slc": 1, "scope": 3, "th": 7}


def memory_rows_of(generation: Generation) -> Iterator[Row]:
    """Yield the rows of SMEM, DS, FLAT, GLOBAL, SCRATCH and of cache control."""
    for line in read_lines(memory_rows.SMEM, generation):
        yield _scalar(generation, line)
    for line in read_lines(memory_rows.DS, generation):
        yield _local(generation, line)
    for line in read_lines(memory_rows.FLAT, generation):
        for segment in line.flags[0]:
            yield from _flat(generation, line, segment)
    for line in read_lines(memory_rows.CACHE, generation):
        yield _cache(generation, line)


def _scalar(generation: Generation, line: Line) -> Row:
    form = format_of(generation, Encoding.SMEM)
    operands = []
    for text in line.operands:
        field, _, element = text.partition(":")
        operands.append(operand(field, element or "b32"))
    modifiers = {}
    if line.flags[0] == "load":
        names = [name for name in _CACHE_BITS if name in form.fields]
        modifiers = {name: _CACHE_BITS[name] for name in names}
        modifiers["offset"] = ANY_OFFSET
        if "buffer" in line.operation:
            modifiers["offset"] = _BUFFER_OFFSETS[generation]
        if "th" in modifiers:
            modifiers["th"] = 3
    return Row(
        line.name,
        line.operation,
        form,
        line.opcode,
        tuple(operands),
        Unit.CACHE if line.flags[0] == "cache" else Unit.SMEM,
        _KINDS[line.flags[0]] | Effects.IGNORES_EXEC,
        (),
        (),
        int(line.flags[1]),
        modifiers,
    )


def _local(generation: Generation, line: Line) -> Row:
    pair = line.flags[-1] == "pair"
    operands = []
    for text in line.operands:
        field, _, element = text.partition(":")
        operands.append(operand(_DS_FIELDS[field], element or "u32"))
    return Row(
        line.name,
        line.operation,
        format_of(generation, Encoding.DS_PAIR if pair else Encoding.DS),
        line.opcode,
        tuple(operands),
        Unit.LDS,
        _KINDS[line.flags[0]],
        (EXEC, M0) if line.operation in _READS_M0 else (EXEC,),
        (),
        int(line.flags[1]),
        {"offset0": 255, "offset1": 255} if pair else {"offset": 0xFFFF},
    )


def _flat(generation: Generation, line: Line, segment: str) -> Iterator[Row]:
    """Yield the row of a segment; for an atomic, both rows."""
    prefix, encoding, unit = _SEGMENTS[segment]
    kind, element, size = line.operands
    form = format_of(generation, encoding)
    modifiers = {name: mask for name, mask in _CACHE_BITS.items() if name in form.fields}
    modifiers["offset"] = _OFFSETS.get(segment, _ANY_OFFSETS)[generation]
    if segment == "b":
        modifiers |= {"offen": 1, "idxen": 1}
    returning = {"th": 1} if generation is Generation.GFX12 else {"glc": 1}
    row = Row(
        prefix + line.name,
        prefix + line.operation,
        form,
        line.opcode,
        _buffer_operands(kind, element, generation)
        if segment == "b"
        else _flat_operands(line.operation, kind, element, segment),
        unit,
        _KINDS[kind],
        (EXEC,),
        (),
        int(size),
        modifiers,
    )
    if kind != "atomic":
        yield row
        return
    yield replace(row, modifiers=_without_return(modifiers))
    yield replace(
        row,
        operation=f"{row.operation}_rtn",
        operands=(operand("vdst", element), *row.operands),
        effects=_KINDS["returning"],
        modifiers=_without_return(modifiers),
        defaults=returning,
    )


def _without_return(modifiers: dict[str, int]) -> dict[str, int]:
    """Return the modifiers of an atomic, where glc or the low bit of th are not free."""
    free = {name: mask for name, mask in modifiers.items() if name != "glc"}
    if "th" in free:
        free["th"] = 6
    return free


def _flat_operands(
    operation: str, kind: str, element: str, segment: str
) -> tuple[OperandSpec, ...]:
    address = operand("vaddr", "u32" if segment == "s" else "u64")
    base = operand("saddr", "u32" if segment == "s" else "u64")
    data = operand("vdst" if kind == "load" else "vdata", element)
    if "cmpswap" in operation:
        data = replace(data, dwords=2 * data.dwords)
    if "addtid" in operation:
        return (data, base)
    ends = () if segment == "f" else (base,)
    if kind == "load":
        return (data, address, *ends)
    return (address, data, *ends)


def _buffer_operands(kind: str, element: str, generation: Generation) -> tuple[OperandSpec, ...]:
    data = operand("vdata", element)
    if kind == "load" and data.access is Access.READ:
        data = replace(data, access=Access.WRITE)
    offset = operand("soffset", "b32" if generation is Generation.GFX12 else "l.b32")
    return (data, operand("vaddr", "b64"), operand("srsrc", "q"), offset)


def _cache(generation: Generation, line: Line) -> Row:
    encoding = Encoding.MUBUF if line.operands == ["mubuf"] else Encoding.GLOBAL
    scoped = encoding is Encoding.GLOBAL
    return Row(
        line.name,
        line.operation,
        format_of(generation, encoding),
        line.opcode,
        (),
        Unit.CACHE,
        Effects.IGNORES_EXEC,
        (),
        (),
        0,
        {"scope": 3, "th": 7} if scoped else {},
        {"saddr": _NULL_CODE} if scoped else {},
    )
