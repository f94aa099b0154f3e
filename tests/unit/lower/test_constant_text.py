"""Constants print as the core library prints values."""

import pytest

from mlrift.frontend.lower.constant_text import float_text, word_text
from mlrift.typesystem import Tag


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, b"0.000000"),
        (-0.0, b"-0.000000"),
        (1.005, b"1.004999"),
        (2.0**0.5, b"1.414213"),
        (-3.25, b"-3.250000"),
        (999999999999999999.0, b"big"),
        (999999999999999872.0, b"999999999999999872.000000"),
        (1e18, b"big"),
        (float("-inf"), b"-big"),
        (float("nan"), b"nan"),
        (0.9999999999999999, b"0.999999"),
        (5e-324, b"0.000000"),
    ],
)
def test_floats_are_cut_to_six_decimals(value: float, text: bytes) -> None:
    assert float_text(value) == text


@pytest.mark.parametrize(
    ("word", "tag", "text"),
    [
        (2**64 - 5, Tag.UNSIGNED, b"18446744073709551611"),
        (2**64 - 5, Tag.SIGNED, b"-5"),
        (2, Tag.BOOL, b"true"),
        (0, Tag.BOOL, b"false"),
        (0x141, Tag.CHAR, b"A"),
    ],
)
def test_words_print_by_tag(word: int, tag: Tag, text: bytes) -> None:
    assert word_text(word, tag) == text
