"""The tables of std/unicode*.mlr against Python's unicodedata, for the characters that it knows."""

import ast
import re
import unicodedata
from pathlib import Path

from tests.unicode.generate import (
    AFTER_9,
    HANGUL,
    NEWLINE,
    SPACE,
    SPACES,
    SPACES_MORE,
    STD,
    SURROGATES,
    canonical,
    class_of,
)


def numbers(file: str, function: str) -> list[int]:
    """Give the numbers of a table."""
    text = Path(STD / file).read_text(encoding="utf-8")
    literal = re.search(rf'fn {function}\(\) -> u64 \{{\n +return (".*")\n', text)
    assert literal is not None
    found = []
    number, shift = 0, 0
    for character in ast.literal_eval(literal[1]):
        digit = ord(character) - 35
        number |= digit % 32 << shift
        shift += 5
        if digit < 32:
            found.append(number)
            number, shift = 0, 0
    return found


def test_classes() -> None:
    code = 0
    for run in numbers("unicode_data.mlr", "unicode_class_runs"):
        for place in range(code, code + (run >> 3) + 1):
            if unicodedata.category(chr(place)) not in ("Cn", "Cs"):
                assert run & 7 == class_of(unicodedata, place), hex(place)
        code += (run >> 3) + 1
    assert code > 0xE01EF


def test_white_space() -> None:
    """White space is what Python calls so, without the separators that are control characters."""
    blank = {code for code in range(0x110000) if chr(code).isspace()} - set(range(0x1C, 0x20))
    assert blank == {*SPACES, *SPACES_MORE, 10, 13}
    assert class_of(unicodedata, 10) == NEWLINE
    assert class_of(unicodedata, 0x3000) == SPACE


def test_combining_classes() -> None:
    rows = numbers("unicode_nfc_data.mlr", "unicode_combining_rows")
    known, code = {}, 0
    for distance, combining in zip(rows[::2], rows[1::2], strict=True):
        code += distance
        known[code] = combining
    assert known == {place: kind for place in _considered() if (kind := _combining(place))}


def _considered() -> list[int]:
    later = {code for first, last in AFTER_9 for code in range(first, last + 1)}
    skipped = later | set(HANGUL) | set(SURROGATES)
    return [code for code in range(0x110000) if code not in skipped]


def _combining(code: int) -> int:
    return unicodedata.combining(chr(code))


def test_decompositions() -> None:
    rows = numbers("unicode_nfc_data.mlr", "unicode_decomposition_rows")
    known, code = {}, 0
    for distance, first, second in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
        code += distance >> 1
        known[code] = [first, second] if second else [first]
        composes = unicodedata.normalize("NFC", chr(code)) == chr(code)
        assert composes == (distance & 1 == 0), hex(code)
    parts = {place: canonical(unicodedata, place) for place in _considered()}
    assert known == {place: row for place, row in parts.items() if row}
