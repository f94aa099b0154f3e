"""Write std/unicode_data.mlr and std/unicode_nfc_data.mlr: properties of characters as text.

    pip install unicodedata2==16.0.0 && python -m tests.unicode.generate [FOLDER]

Enters: the Unicode 16.0 data of the package unicodedata2. Leaves: two modules of std whose
functions give texts of numbers. A number is digits of five bits, the lowest first, each the
character 35 + digit, plus 32 where another digit follows; so every table is printable text.

Categories are those of Unicode 16.0, and canonical composition is that of 9.0: these are the
versions in Hugging Face's `tokenizers`, with which tokens have to agree. Normalisation is stable,
so composition of 9.0 is that of 16.0 without the characters of `AFTER_9`.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

STD = Path(__file__).resolve().parents[2] / "std"
SURROGATES = range(0xD800, 0xE000)
HANGUL = range(0xAC00, 0xD7A4)
SPACES = (0x09, 0x0B, 0x0C, 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029)
SPACES_MORE = (0x202F, 0x205F, 0x3000)

# Characters with a combining class or a decomposition that came after Unicode 9.0.
AFTER_9 = (
    (0x7FD, 0x7FD), (0x897, 0x89F), (0x8CA, 0x8D3), (0x9FE, 0x9FE), (0xC3C, 0xC3C),
    (0xD3B, 0xD3C), (0xEBA, 0xEBA), (0x1715, 0x1715), (0x1ABF, 0x1ACE), (0x1DF6, 0x1DFA),
    (0xA82C, 0xA82C), (0x105C9, 0x105C9), (0x105E4, 0x105E4), (0x10D24, 0x10D27),
    (0x10D69, 0x10D6D), (0x10EAB, 0x10EAC), (0x10EFD, 0x10EFF), (0x10F46, 0x10F50),
    (0x10F82, 0x10F85), (0x11070, 0x11070), (0x1133B, 0x1133B), (0x11383, 0x11383),
    (0x11385, 0x11385), (0x1138E, 0x1138E), (0x11391, 0x11391), (0x113C5, 0x113C5),
    (0x113C7, 0x113C8), (0x113CE, 0x113D0), (0x1145E, 0x1145E), (0x11839, 0x1183A),
    (0x11938, 0x11938), (0x1193D, 0x1193E), (0x11943, 0x11943), (0x119E0, 0x119E0),
    (0x11A34, 0x11A34), (0x11A47, 0x11A47), (0x11A99, 0x11A99), (0x11D42, 0x11D42),
    (0x11D44, 0x11D45), (0x11D97, 0x11D97), (0x11F41, 0x11F42), (0x16121, 0x16128),
    (0x1612F, 0x1612F), (0x16D68, 0x16D6A), (0x16FF0, 0x16FF1), (0x1E08F, 0x1E08F),
    (0x1E130, 0x1E136), (0x1E2AE, 0x1E2AE), (0x1E2EC, 0x1E2EF), (0x1E4EC, 0x1E4EF),
    (0x1E5EE, 0x1E5EF),
)  # fmt: skip

OTHER, UPPER, LOWER, LETTER, MARK, NUMBER, SPACE, NEWLINE = range(8)
LETTER_CLASSES = {"Lu": UPPER, "Lt": UPPER, "Ll": LOWER, "Lm": LETTER, "Lo": LETTER}


def digits(number: int) -> str:
    """Give a number as text."""
    text = ""
    while number >= 32:
        text += chr(35 + 32 + number % 32)
        number //= 32
    return text + chr(35 + number)


def class_of(ucd: ModuleType, code: int) -> int:
    """Give the class of a character that pre-tokenisers distinguish."""
    if code in (10, 13):
        return NEWLINE
    if code in SPACES or code in SPACES_MORE:
        return SPACE
    category = ucd.category(chr(code))
    if category.startswith("M"):
        return MARK
    if category.startswith("N"):
        return NUMBER
    return LETTER_CLASSES.get(category, OTHER)


def class_runs(ucd: ModuleType) -> str:
    """Give runs of characters of one class, as (length - 1) * 8 + class, up to the last one."""
    runs: list[list[int]] = []
    for code in range(0x110000):
        kind = class_of(ucd, code)
        if runs and runs[-1][0] == kind:
            runs[-1][1] += 1
        else:
            runs.append([kind, 1])
    return "".join(digits((length - 1) * 8 + kind) for kind, length in runs[:-1])


def normalised_characters(ucd: ModuleType) -> list[int]:
    """Give the characters with a combining class or a decomposition, without Hangul syllables."""
    later = {code for first, last in AFTER_9 for code in range(first, last + 1)}
    found = []
    for code in range(0x110000):
        if code in SURROGATES or code in HANGUL or code in later:
            continue
        if ucd.combining(chr(code)) or canonical(ucd, code):
            found.append(code)
    return found


def canonical(ucd: ModuleType, code: int) -> list[int]:
    """Give the one or two characters that a character is decomposed to; none for others."""
    text = ucd.decomposition(chr(code))
    if text.startswith("<"):
        return []
    return [int(part, 16) for part in text.split()]


def combining_rows(ucd: ModuleType, codes: list[int]) -> str:
    """Give each combining character as its distance from the one before and its class."""
    text, last = "", 0
    for code in codes:
        combining = ucd.combining(chr(code))
        if combining:
            text += digits(code - last) + digits(combining)
            last = code
    return text


def decomposition_rows(ucd: ModuleType, codes: list[int]) -> str:
    """Give each decomposition: distance from the one before, first part, second part or 0.

    The distance is doubled, plus 1 where the two parts do not compose again.
    """
    text, last = "", 0
    for code in codes:
        parts = canonical(ucd, code)
        if parts:
            is_excluded = ucd.normalize("NFC", chr(code)) != chr(code)
            second = parts[1] if len(parts) == 2 else 0
            text += digits((code - last) * 2 + is_excluded) + digits(parts[0]) + digits(second)
            last = code
    return text


def function(name: str, comment: str, table: str) -> str:
    """Give a function of .mlr that gives the address of a table."""
    literal = table.replace("\\", "\\\\").replace('"', '\\"')
    return f'\n// {comment}\nfn {name}() -> u64 {{\n    return "{literal}"\n}}\n'


def module(subject: str, functions: list[str]) -> str:
    """Give the text of a module."""
    head = f"// {subject}\n//\n// Generated: python -m tests.unicode.generate\n"
    return head + "".join(functions)


def main() -> None:
    """Write both modules."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else STD
    ucd = importlib.import_module("unicodedata2")
    assert ucd.unidata_version == "16.0.0", ucd.unidata_version
    classes = function("unicode_class_runs", "(Length - 1) * 8 + class.", class_runs(ucd))
    (folder / "unicode_data.mlr").write_text(
        module("Runs of characters of one class, Unicode 16.0.", [classes])
    )
    codes = normalised_characters(ucd)
    combining = combining_rows(ucd, codes)
    parts = decomposition_rows(ucd, codes)
    rows = [
        function("unicode_combining_rows", "Distance, combining class.", combining),
        function("unicode_decomposition_rows", "Distance, first part, second part.", parts),
    ]
    (folder / "unicode_nfc_data.mlr").write_text(
        module("Combining classes and canonical decompositions, Unicode 9.0.", rows)
    )


if __name__ == "__main__":
    main()
