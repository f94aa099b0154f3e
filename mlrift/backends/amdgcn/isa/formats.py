"""The formats of instruction codes, a layout a line, by generation.

Sources: AMD's instruction set manuals of RDNA 2, 3 and 4, chapter "Microcode formats"; every field
is checked against llvm-mc by `tests/encode/amdgcn`. Bits that are reserved, or belong to what
compute kernels do not use (GDS, LDS-direct loads, non-volatile hints), are constant zeros.
"""

from enum import Enum, unique
from functools import cache

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.fields import Field, Layout, layout
from mlrift.values import record


@unique
class Encoding(Enum):
    """The kinds of formats, with the manual's name."""

    SOP1 = "SOP1"
    SOP2 = "SOP2"
    SOPC = "SOPC"
    SOPK = "SOPK"
    SOPP = "SOPP"
    SMEM = "SMEM"
    VOP1 = "VOP1"
    VOP2 = "VOP2"
    VOPC = "VOPC"
    VOP3 = "VOP3"
    VOP3SD = "VOP3SD"
    VOP3P = "VOP3P"
    VOPD = "VOPD"
    DS = "DS"
    DS_PAIR = "DS with two offsets"
    FLAT = "FLAT"
    SCRATCH = "SCRATCH"
    GLOBAL = "GLOBAL"
    MUBUF = "MUBUF"


@unique
class Extension(Enum):
    """What stands in the place of the first source of a vector instruction: data from other lanes,
    or (SDWA, gfx10.3) bytes and words of registers.

    `DPP8_FI` is DPP8 with `fi` (inactive lanes are read).
    """

    NONE = "none"
    DPP16 = "DPP16"
    DPP8 = "DPP8"
    DPP8_FI = "DPP8 with fi"
    SDWA = "SDWA"


@record
class Format:
    """A format of a generation. `bits` are those of the words, a literal not counted."""

    encoding: Encoding
    extension: Extension
    layout: Layout

    @property
    def name(self) -> str:
        """The manual's name."""
        return self.encoding.value

    @property
    def size_bytes(self) -> int:
        """The size without a literal."""
        return 4 * self.layout.words

    @property
    def fields(self) -> dict[str, Field]:
        """The fields by name."""
        return self.layout.fields


_VOP3_TAIL = "src0:9 src1:9 src2:9 omod:2 neg:3"

_COMMON = {
    Encoding.SOP1: "ssrc0:8 op:8 sdst:7 101111101",
    Encoding.SOP2: "ssrc0:8 ssrc1:8 sdst:7 op:7 10",
    Encoding.SOPC: "ssrc0:8 ssrc1:8 op:7 101111110",
    Encoding.SOPK: "simm16:16 sdst:7 op:5 1011",
    Encoding.SOPP: "simm16:16 op:7 101111111",
    Encoding.VOP1: "src0:9 op:8 vdst:8 0111111",
    Encoding.VOP2: "src0:9 vsrc1:8 vdst:8 op:6 0",
    Encoding.VOPC: "src0:9 vsrc1:8 op:8 0111110",
    Encoding.VOP3: f"vdst:8 abs:3 op_sel:4 clamp:1 op:10 110101 | {_VOP3_TAIL}",
    Encoding.VOP3SD: f"vdst:8 sdst:7 clamp:1 op:10 110101 | {_VOP3_TAIL}",
    Encoding.VOP3P: (
        "vdst:8 neg_hi:3 op_sel:3 op_sel_hi.2:1 clamp:1 op:7 0 11001100"
        " | src0:9 src1:9 src2:9 op_sel_hi.0:2 neg_lo:3"
    ),
    Encoding.DS: "offset:16 00 op:8 110110 | addr:8 data0:8 data1:8 vdst:8",
    Encoding.DS_PAIR: "offset0:8 offset1:8 00 op:8 110110 | addr:8 data0:8 data1:8 vdst:8",
}

_GFX10 = {
    **_COMMON,
    Encoding.SMEM: ("sbase:6 sdst:7 0 dlc:1 0 glc:1 0 op:8 111101 | offset:21 0000 soffset:7"),
    Encoding.FLAT: (
        "offset:12 dlc:1 0 00 glc:1 slc:1 op:7 0 110111 | vaddr:8 vdata:8 1111101 0 vdst:8"
    ),
    Encoding.SCRATCH: (
        "offset:12 dlc:1 0 01 glc:1 slc:1 op:7 0 110111 | vaddr:8 vdata:8 saddr:7 0 vdst:8"
    ),
    Encoding.GLOBAL: (
        "offset:12 dlc:1 0 10 glc:1 slc:1 op:7 0 110111 | vaddr:8 vdata:8 saddr:7 0 vdst:8"
    ),
    Encoding.MUBUF: (
        "offset:12 offen:1 idxen:1 glc:1 dlc:1 00 op:8 111000"
        " | vaddr:8 vdata:8 srsrc:5 0 slc:1 0 soffset:8"
    ),
}

_VOPD = "srcx0:9 vsrcx1:8 op:9 110010 | srcy0:9 vsrcy1:8 vdsty:7 vdstx:8"

_GFX11 = {
    **_COMMON,
    Encoding.SMEM: "sbase:6 sdst:7 dlc:1 glc:1 000 op:8 111101 | offset:21 0000 soffset:7",
    Encoding.VOPD: _VOPD,
    Encoding.FLAT: (
        "offset:13 dlc:1 glc:1 slc:1 00 op:7 0 110111 | vaddr:8 vdata:8 1111100 0 vdst:8"
    ),
    Encoding.SCRATCH: (
        "offset:13 dlc:1 glc:1 slc:1 01 op:7 0 110111 | vaddr:8 vdata:8 saddr:7 sve:1 vdst:8"
    ),
    Encoding.GLOBAL: (
        "offset:13 dlc:1 glc:1 slc:1 10 op:7 0 110111 | vaddr:8 vdata:8 saddr:7 0 vdst:8"
    ),
    Encoding.MUBUF: (
        "offset:12 slc:1 dlc:1 glc:1 000 op:8 111000"
        " | vaddr:8 vdata:8 srsrc:5 0 offen:1 idxen:1 soffset:8"
    ),
}

_GFX12 = {
    **_COMMON,
    Encoding.SMEM: ("sbase:6 sdst:7 op:6 00 scope:2 th:2 0 111101 | offset:24 0 soffset:7"),
    Encoding.VOPD: _VOPD,
    Encoding.FLAT: (
        "1111100 0000000 op:8 00 00 111011"
        " | vdst:8 00000000 00 scope:2 th:3 vdata:8 0 | vaddr:8 offset:24"
    ),
    Encoding.SCRATCH: (
        "saddr:7 0000000 op:8 00 01 111011"
        " | vdst:8 00000000 0 sve:1 scope:2 th:3 vdata:8 0 | vaddr:8 offset:24"
    ),
    Encoding.GLOBAL: (
        "saddr:7 0000000 op:8 00 10 111011"
        " | vdst:8 00000000 00 scope:2 th:3 vdata:8 0 | vaddr:8 offset:24"
    ),
    Encoding.MUBUF: (
        "soffset:7 0000000 op:8 0 000 110001"
        " | vdata:8 0 srsrc:9 scope:2 th:3 0000001 offen:1 idxen:1 | vaddr:8 offset:24"
    ),
}

_LAYOUTS = {
    Generation.GFX10: _GFX10,
    Generation.GFX11: _GFX11,
    Generation.GFX12: _GFX12,
}

_MODIFIERS_OF_LANES = "bound_ctrl:1 neg.0:1 abs.0:1 neg.1:1 abs.1:1"
_DPP16_WORD = f"| src0:8 dpp_ctrl:9 0 fi:1 {_MODIFIERS_OF_LANES} bank_mask:4 row_mask:4"
_DPP16_WORD_OF_VOP3 = "| src0:8 dpp_ctrl:9 0 fi:1 bound_ctrl:1 0000 bank_mask:4 row_mask:4"
_DPP8_WORD = "| src0:8 dpp8:24"

_SDWA_SOURCES = (
    "src0_sel:3 sext.0:1 neg.0:1 abs.0:1 0 scalar0:1"
    " src1_sel:3 sext.1:1 neg.1:1 abs.1:1 0 scalar1:1"
)
_SDWA_WORD = f"| src0:8 dst_sel:3 dst_unused:2 clamp:1 omod:2 {_SDWA_SOURCES}"
_SDWA_WORD_OF_VOPC = f"| src0:8 sdst:8 {_SDWA_SOURCES}"

_SOURCE_CODES = {
    Extension.DPP16: "011111010",
    Extension.DPP8: "011101001",
    Extension.DPP8_FI: "011101010",
    Extension.SDWA: "011111001",
}
"""What the first source's nine bits are: 250, 233, 234, 249."""

_SHORT_VECTOR = (Encoding.VOP1, Encoding.VOP2, Encoding.VOPC)


@cache
def format_of(
    generation: Generation, encoding: Encoding, extension: Extension = Extension.NONE
) -> Format:
    """Return the format of a generation; KeyError if it has none of the kind."""
    text = _LAYOUTS[generation][encoding]
    if extension is Extension.NONE:
        return Format(encoding, extension, layout(text))
    text = text.replace("src0:9", _SOURCE_CODES[extension])
    if extension is Extension.SDWA:
        text += _SDWA_WORD_OF_VOPC if encoding is Encoding.VOPC else _SDWA_WORD
    elif extension is not Extension.DPP16:
        text += _DPP8_WORD
    elif encoding in _SHORT_VECTOR:
        text += _DPP16_WORD
    else:
        text += _DPP16_WORD_OF_VOP3
    return Format(encoding, extension, layout(text))


def formats_of(generation: Generation) -> tuple[Format, ...]:
    """Return the formats without extensions."""
    return tuple(format_of(generation, encoding) for encoding in _LAYOUTS[generation])
