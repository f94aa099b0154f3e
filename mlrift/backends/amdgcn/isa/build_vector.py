"""Rows of the vector instructions, from `vector_rows.py` and `packed_rows.py`.

A line of VOP1, VOP2 or VOPC gives the short form and the VOP3 form. Where the short form uses VCC
without naming it, the VOP3 form has a mask operand.
"""

import re
from collections.abc import Iterator

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import packed_rows, vector_rows
from mlrift.backends.amdgcn.isa.formats import Encoding, Extension, Format, format_of
from mlrift.backends.amdgcn.isa.instruction import (
    Access,
    Effects,
    ElementType,
    OperandKind,
    OperandSpec,
    Row,
    Unit,
)
from mlrift.backends.amdgcn.isa.registers import EXEC, M0, VCC, Register
from mlrift.backends.amdgcn.isa.table_lines import Line, operand, read_lines

_SHORT = (
    (Encoding.VOP1, vector_rows.VOP1),
    (Encoding.VOP2, vector_rows.VOP2),
    (Encoding.VOPC, vector_rows.VOPC),
)
_SHORT_FIELDS = ("src0", "vsrc1", "vsrc1")
_LONG_FIELDS = ("src0", "src1", "src2")
_FIRST_LONG_OPCODE = {Encoding.VOP1: 0x180, Encoding.VOP2: 0x100, Encoding.VOPC: 0}
"""Where the opcodes of a short encoding begin among those of VOP3."""

_FIRST_OPCODE_WITHOUT_SHORT_FORM = 0x200

_CMPX_DISTANCE = {Generation.GFX10: 0x10, Generation.GFX11: 0x80, Generation.GFX12: 0x80}
_EXEC_CODE = 126

_FLOATS = frozenset(
    (
        ElementType.F16,
        ElementType.BF16,
        ElementType.F32,
        ElementType.F64,
        ElementType.PACKED_F16,
        ElementType.PACKED_BF16,
    )
)
HALVES = frozenset(
    (ElementType.B16, ElementType.I16, ElementType.U16, ElementType.F16, ElementType.BF16)
)
"""Elements that are half a register."""

_TRANSCENDENTAL = re.compile(r"v_(s_)?(exp|log|rcp|rcp_iflag|rsq|sqrt|sin|cos)_")
_WITHOUT_EXEC = re.compile(r"v_(nop|readlane|writelane|s_)")
_FLAG = re.compile(r"([a-z])(\d*)")
_TARGET_BIT = 8
"""The bit of op_sel that chooses a half of the target."""

_DPP = (Extension.DPP16, Extension.DPP8, Extension.DPP8_FI)

Masks = dict[str, int]


def vector_rows_of(generation: Generation) -> Iterator[Row]:
    """Yield the rows of all vector formats, without those with data from other lanes."""
    for encoding, table in _SHORT:
        for line in read_lines(table, generation):
            if encoding is Encoding.VOPC:
                yield from _short_and_long(generation, encoding, _cmpx(line, generation))
            yield from _short_and_long(generation, encoding, line)
    for line in read_lines(vector_rows.VOP3, generation):
        yield _long(generation, Encoding.VOP3, line)
    for line in read_lines(vector_rows.VOP3SD, generation):
        yield _long(generation, Encoding.VOP3SD, line)
    for line in read_lines(packed_rows.VOP3P, generation):
        yield _packed(generation, line)
    if generation is not Generation.GFX10:
        yield from _pairs(generation)


def _cmpx(line: Line, generation: Generation) -> Line:
    """Return the comparison that writes EXEC in place of a mask."""
    return Line(
        line.operation.replace("v_cmp_", "v_cmpx_"),
        line.name.replace("v_cmp_", "v_cmpx_"),
        line.opcode + _CMPX_DISTANCE[generation],
        line.operands[1:],
        line.flags,
    )


def _short_and_long(generation: Generation, encoding: Encoding, line: Line) -> Iterator[Row]:
    yield _short(generation, encoding, line)
    if "x" in "".join(line.flags):
        return
    carries = encoding is Encoding.VOP2 and "m" in line.operands[:2]
    line.opcode += _FIRST_LONG_OPCODE[encoding]
    yield _long(generation, Encoding.VOP3SD if carries else Encoding.VOP3, line)


def _short(generation: Generation, encoding: Encoding, line: Line) -> Row:
    operands = []
    reads: tuple[Register, ...] = ()
    writes: tuple[Register, ...] = ()
    sources = 0
    for position, text in enumerate(line.operands):
        if text == "m":
            if encoding is Encoding.VOPC or position == 1:
                writes = (VCC,)
            else:
                reads = (VCC,)
        elif text in ("k", "h"):
            operands.append(operand("literal", text))
        elif position == 0 and encoding is not Encoding.VOPC:
            operands.append(operand("vdst", text))
        else:
            operands.append(operand(_SHORT_FIELDS[sources], text))
            sources += 1
    specs = tuple(operands)
    flags = _flags(line)
    extensions = _short_extensions(flags, specs, generation, encoding)
    modifiers = _signs(flags, _sources(specs)) if extensions else {}
    if Extension.SDWA in extensions and encoding is not Encoding.VOPC:
        scales = "o" in flags and specs[0].element in _FLOATS
        modifiers |= {"clamp": 1, "omod": 3 if scales else 0}
    if generation is Generation.GFX11:
        modifiers["op_sel"] = _halves(specs)
    modifiers = {name: mask for name, mask in modifiers.items() if mask}
    row = _row(line, format_of(generation, encoding), specs, modifiers, extensions=extensions)
    row.reads += reads
    row.writes += writes
    return row


def _short_extensions(
    flags: dict[str, str],
    specs: tuple[OperandSpec, ...],
    generation: Generation,
    encoding: Encoding,
) -> tuple[Extension, ...]:
    """Return DPP, and SDWA of gfx10.3, where a comparison has only the latter."""
    if generation is not Generation.GFX10:
        return _DPP if "d" in flags else ()
    if encoding is Encoding.VOPC:
        return (Extension.SDWA,) if all(spec.dwords == 1 for spec in specs) else ()
    if "d" not in flags:
        return ()
    only_lanes = any(
        spec.access is Access.BOTH or (spec.field == "src0" and spec.kind is OperandKind.VGPR)
        for spec in specs
    )
    return _DPP if only_lanes else (*_DPP, Extension.SDWA)


def _long(generation: Generation, encoding: Encoding, line: Line) -> Row:
    operands = []
    sources = 0
    targets = iter(("vdst", "sdst") if encoding is Encoding.VOP3SD else ("vdst",))
    compares = line.operation.startswith("v_cmpx_")
    if compares:
        targets = iter(())
    for text in line.operands:
        field = next(targets, "")
        if not field:
            field = _LONG_FIELDS[sources]
            sources += 1
        operands.append(operand(field, text))
    specs = tuple(operands)
    flags = _flags(line)
    modifiers = _signs(flags, _sources(specs))
    if "c" in flags:
        modifiers["clamp"] = 1
    if "o" in flags:
        modifiers["omod"] = 3
    modifiers["op_sel"] = _selections(flags, specs, generation, line.opcode)
    defaults = {"vdst": _EXEC_CODE} if compares else {}
    modifiers = {name: mask for name, mask in modifiers.items() if mask}
    extensions = _DPP if "d" in flags and generation is not Generation.GFX10 else ()
    form = format_of(generation, encoding)
    return _row(line, form, specs, modifiers, defaults=defaults, extensions=extensions)


def _packed(generation: Generation, line: Line) -> Row:
    fields = iter(("vdst", *_LONG_FIELDS))
    specs = tuple(operand(next(fields), text) for text in line.operands)
    flags = _flags(line)
    names = {"n": ("neg_lo", "neg_hi"), "l": ("neg_lo",), "s": ("op_sel", "op_sel_hi")}
    modifiers = {}
    for letter, affected in names.items():
        for name in affected if letter in flags else ():
            modifiers[name] = int(flags[letter])
    if "c" in flags:
        modifiers["clamp"] = 1
    defaults = {} if line.operation.startswith("v_fma_mix") else {"op_sel_hi": 7}
    extensions = _DPP if "d" in flags and generation is not Generation.GFX10 else ()
    form = format_of(generation, Encoding.VOP3P)
    return _row(line, form, specs, modifiers, defaults=defaults, extensions=extensions)


def _pairs(generation: Generation) -> Iterator[Row]:
    lines = read_lines(packed_rows.VOPD, generation)
    for first in lines:
        for second in lines if first.opcode < 16 else ():
            pair = Line(
                f"{first.operation} :: {second.operation}",
                f"{first.name} :: {second.name}",
                first.opcode << 5 | second.opcode,
                [],
                [],
            )
            specs = _half(first, "x") + _half(second, "y")
            row = _row(pair, format_of(generation, Encoding.VOPD), specs, {})
            if "v" in first.flags or "v" in second.flags:
                row.reads += (VCC,)
            yield row


def _half(line: Line, half: str) -> tuple[OperandSpec, ...]:
    fields = iter((f"vdst{half}", f"src{half}0", f"vsrc{half}1"))
    return tuple(
        operand(f"literal{half}" if text == "k" else next(fields), text) for text in line.operands
    )


def _row(
    line: Line,
    form: Format,
    operands: tuple[OperandSpec, ...],
    modifiers: Masks,
    *,
    defaults: Masks | None = None,
    extensions: tuple[Extension, ...] = (),
) -> Row:
    effects = Effects.NONE
    reads: tuple[Register, ...] = ()
    writes: tuple[Register, ...] = ()
    if _WITHOUT_EXEC.match(line.operation):
        effects |= Effects.IGNORES_EXEC
    else:
        reads = (EXEC,)
    if line.operation.startswith("v_cmpx_"):
        effects |= Effects.WRITES_EXEC
        writes = (EXEC,)
    elif line.operation.startswith("v_div_fmas_"):
        reads += (VCC,)
    elif line.operation.startswith("v_movrel"):
        reads += (M0,)
    return Row(
        line.name,
        line.operation,
        form,
        line.opcode,
        operands,
        _unit(line.operation),
        effects,
        reads,
        writes,
        0,
        modifiers,
        defaults or {},
        extensions,
    )


def _unit(operation: str) -> Unit:
    if _TRANSCENDENTAL.match(operation):
        return Unit.TRANSCENDENTAL
    return Unit.MATRIX if operation.startswith("v_wmma_") else Unit.VALU


def _flags(line: Line) -> dict[str, str]:
    """Return the letters of the flags, each with the number that follows it."""
    return {letter: number for text in line.flags for letter, number in _FLAG.findall(text)}


def _sources(operands: tuple[OperandSpec, ...]) -> list[OperandSpec]:
    return [spec for spec in operands if spec.field in _LONG_FIELDS or spec.field == "vsrc1"]


def _signs(flags: dict[str, str], sources: list[OperandSpec]) -> Masks:
    """Return which sources can be negated and made absolute."""
    if "n" not in flags:
        return {}
    floats = sum((spec.element in _FLOATS) << index for index, spec in enumerate(sources))
    negated = int(flags["n"] or floats)
    return {"neg": negated, "abs": int(flags.get("a") or negated)}


def _halves(operands: tuple[OperandSpec, ...]) -> int:
    """Return the bits of op_sel of the operands that are halves of a register."""
    bits = 0
    for index, spec in enumerate(_sources(operands)):
        bits |= (spec.element in HALVES) << index
    targets = [spec for spec in operands if spec.field == "vdst"]
    return bits | (_TARGET_BIT if targets and targets[0].element in HALVES else 0)


def _selections(
    flags: dict[str, str], operands: tuple[OperandSpec, ...], generation: Generation, opcode: int
) -> int:
    """Return the bits of op_sel that may be set: on gfx11 always those of 16-bit operands."""
    if "s" in flags:
        return int(flags["s"] or _halves(operands))
    has_short_form = opcode < _FIRST_OPCODE_WITHOUT_SHORT_FORM
    if generation is Generation.GFX11 and ("t" in flags or has_short_form):
        return _halves(operands)
    return 0
