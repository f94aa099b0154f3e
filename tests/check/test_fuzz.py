"""Whatever the bytes, the checker ends in findings."""

import random

import pytest

from mlrift.backends.amdgcn.check import check_code_object, check_kernel
from mlrift.backends.amdgcn.chips import chip_named
from mlrift.values import replace
from tests.support.checked_text import image_of
from tests.support.clang_kernels import clang_object

CHIPS = ("gfx1030", "gfx1100", "gfx1201")
_ROUNDS = 150


@pytest.mark.parametrize("chip_name", CHIPS)
def test_random_code(chip_name: str) -> None:
    """Random words, half of them with the top bits of an instruction."""
    chip = chip_named(chip_name)
    assert chip is not None
    chooser = random.Random(7)
    good = image_of("s_endpgm", chip_name)
    for _ in range(_ROUNDS):
        words = [_word(chooser) for _ in range(chooser.randrange(1, 60))]
        code = b"".join(word.to_bytes(4, "little") for word in words)
        for row in check_kernel(replace(good, code=code), chip):
            assert row.text()


def _word(chooser: random.Random) -> int:
    if chooser.random() < 0.5:
        return chooser.getrandbits(32)
    return chooser.choice((0xBF, 0xBE, 0x7E, 0xD5, 0xDC, 0xD8, 0xEE, 0xF4)) << 24 | (
        chooser.getrandbits(24)
    )


@pytest.mark.parametrize("chip_name", CHIPS)
def test_damaged_files(chip_name: str) -> None:
    """A good file with some bytes changed, or its end cut off."""
    chip = chip_named(chip_name)
    assert chip is not None
    good = clang_object("matrices", chip, 3)
    chooser = random.Random(11)
    for _ in range(_ROUNDS):
        data = bytearray(good)
        for _ in range(chooser.randrange(1, 6)):
            data[chooser.randrange(len(data))] = chooser.getrandbits(8)
        if chooser.random() < 0.3:
            del data[chooser.randrange(len(data)) :]
        for row in check_code_object(bytes(data)):
            assert row.text()


def test_no_code_object() -> None:
    """One finding tells what is wrong with the file."""
    findings = check_code_object(b"nothing of the kind")
    assert [row.rule.value for row in findings] == ["object.file"]
