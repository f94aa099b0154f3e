"""Damaged files of both versions: whatever a reader meets, it raises nothing but `FatError`."""

import random
import struct

import pytest

from mlrift.container.fat import FatError, read_fat, write_fat, write_fat_version2
from tests.container.samples import make_slices
from tests.container.test_fat_version3 import EXTRAS, resealed

MUTANTS = 1500


def mutate(chance: random.Random, data: bytes, table_bytes: int) -> bytes:
    mutant = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        limit = chance.choice((table_bytes, len(mutant)))
        at = chance.randrange(8, max(9, min(limit, len(mutant))))
        match chance.randrange(5):
            case 0:
                mutant[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                mutant[at : at + 1] = bytes([mutant[min(at, len(mutant) - 1)] ^ 1 << at % 8])
            case 2:
                wide = struct.pack("<Q", chance.choice((0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)))
                mutant[at : at + 8] = wide[: chance.choice((4, 8))].ljust(8, b"\0")
            case 3:
                del mutant[at : at + chance.choice((1, 8, 1000))]
            case _:
                mutant[at:at] = chance.randbytes(chance.choice((1, 8)))
    return bytes(mutant)


def read_everything(data: bytes) -> bool:
    """Return whether the file is accepted whole."""
    try:
        read_fat(data).verify()
    except FatError as error:
        assert str(error)
        return False
    return True


@pytest.mark.parametrize("seed", [1, 2])
def test_mutants_of_version_2(seed: int) -> None:
    chance = random.Random(seed)
    data = write_fat_version2(make_slices(seed, 400))
    assert read_everything(data)
    outcomes = [read_everything(mutate(chance, data, 400)) for _ in range(MUTANTS)]
    assert not all(outcomes)


@pytest.mark.parametrize("seed", [1, 2])
def test_mutants_of_version_3(seed: int) -> None:
    chance = random.Random(seed)
    data = write_fat(make_slices(seed, 400), EXTRAS)
    for _ in range(MUTANTS):
        mutant = mutate(chance, data, 700)
        assert mutant == data or not read_everything(mutant)


@pytest.mark.parametrize("seed", [3, 4])
def test_mutants_of_version_3_with_a_right_digest(seed: int) -> None:
    chance = random.Random(seed)
    data = write_fat(make_slices(seed, 400), EXTRAS)
    for _ in range(MUTANTS):
        mutant = mutate(chance, data, 700)
        try:
            mutant = resealed(mutant)
        except struct.error:
            continue
        read_everything(mutant)
