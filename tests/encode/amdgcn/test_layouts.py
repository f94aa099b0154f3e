"""Layouts claim every bit once, or are refused."""

import pytest

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.fields import WORD_BITS, layout
from mlrift.backends.amdgcn.isa.formats import Encoding, Extension, format_of, formats_of

LANES = (Extension.DPP16, Extension.DPP8, Extension.DPP8_FI)
DOTTED = (Encoding.VOP1, Encoding.VOP2, Encoding.VOPC, Encoding.VOP3, Encoding.VOP3P)


@pytest.mark.parametrize("generation", list(Generation))
def test_fields_and_constants_tile_the_words(generation: Generation) -> None:
    formats = [*formats_of(generation)]
    formats += [format_of(generation, form, each) for form in DOTTED for each in LANES]
    formats += [format_of(Generation.GFX10, form, Extension.SDWA) for form in DOTTED[:3]]
    for form in formats:
        claimed = form.layout.constant_mask
        for field in form.fields.values():
            assert not claimed & field.mask, (form.name, field.name)
            claimed |= field.mask
        assert claimed == (1 << WORD_BITS * form.layout.words) - 1, form.name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a:8 b:8 1", "end at bit 17"),
        ("a:16 b:17", "end at bit 33"),
        ("a:16 a:16", "given twice"),
        ("a:16 b.0:8 b.9:8", "bit 8 of field b"),
        ("a:32 | b:31", "word 1 end at bit 63"),
    ],
)
def test_other_layouts_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        layout(text)


def test_a_field_in_pieces_is_put_together() -> None:
    field = layout("op_sel_hi.2:1 x:31 | y:27 op_sel_hi.0:2 z:3").fields["op_sel_hi"]
    for number in range(8):
        assert field.extract(field.insert(number)) == number
    assert field.insert(0b101) == 1 | 1 << 59
