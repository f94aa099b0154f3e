"""Whatever the bytes are, reading them ends in a code object or in a CodeObjectError."""

import random
import struct
import time

import pytest

from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.codeobject.bundle import MAGIC
from mlrift.backends.amdgcn.codeobject.errors import CodeObjectError
from mlrift.backends.amdgcn.codeobject.read import read
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.listing.assembly import print_code_object
from mlrift.backends.amdgcn.listing.disassembly import disassemble
from mlrift.backends.amdgcn.listing.explain import explain
from tests.codeobject.kernels import TWINS, code_object, compile_with_clang

MUTATIONS = 1500
SHOWN_EVERY = 8
WORDS = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 64) - 1)


def ours() -> bytes:
    chip = chip_named("gfx1100")
    assert chip is not None
    return write(code_object(chip, "one", "two"))


def bundle(*entries: tuple[str, bytes]) -> bytes:
    head = 32 + sum(24 + len(name) for name, _ in entries)
    table, blobs = b"", b""
    for name, data in entries:
        table += struct.pack("<QQQ", head + len(blobs), len(data), len(name)) + name.encode()
        blobs += data
    return MAGIC + struct.pack("<Q", len(entries)) + table + blobs


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return a copy with some bytes, words or its end changed."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        # headers and tables are where it matters, and small: half of the changes go there
        limit = len(made) if chance.random() < 0.5 else min(1024, len(made))
        at = chance.randrange(limit)
        match chance.randrange(4):
            case 0:
                made[at] = chance.randrange(256)
            case 1:
                size = chance.choice((1, 2, 4, 8))
                word = chance.choice(WORDS) & (1 << 8 * size) - 1
                made[at : at + size] = word.to_bytes(size, "little")
            case 2:
                made[at] ^= 1 << chance.randrange(8)
            case _:
                del made[at : at + chance.choice((1, 8, len(made)))]
                if not made:
                    return b""
    return bytes(made)


@pytest.mark.parametrize("kind", ["ours", "clang", "bundle"])
def test_mutations_end_in_a_value_or_a_message(kind: str) -> None:
    made = ours()
    if kind == "clang":
        made = compile_with_clang(TWINS, "gfx1201", "-g")
    elif kind == "bundle":
        made = bundle(("host-x86_64-unknown-linux--", b""), ("hip--gfx1100", made))
    chance = random.Random(kind)
    refused = 0
    for number in range(MUTATIONS):
        data = mutated(made, chance)
        start = time.monotonic()
        try:
            loaded = read(data)
            loaded.memory(1 << 40)
            if number % SHOWN_EVERY == 0:
                assert disassemble(loaded)
                assert isinstance(explain(loaded.code_object, None), str)
                assert print_code_object(loaded.code_object)
        except CodeObjectError as error:
            refused += 1
            assert error.what and error.where
        assert time.monotonic() - start < 2, f"mutation {number} took long"
    assert MUTATIONS // 10 < refused < MUTATIONS


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"MZ", b"\x7fELF\x01\x01\x01" + bytes(60)])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(CodeObjectError, match="ELF header"):
        read(data)


def test_every_prefix_is_refused() -> None:
    made = ours()
    for end in range(0, len(made) - 1, 7):
        with pytest.raises(CodeObjectError):
            read(made[:end])


def test_a_file_for_the_host_is_refused_with_its_machine() -> None:
    made = bytearray(ours())
    made[18:20] = (62).to_bytes(2, "little")
    with pytest.raises(CodeObjectError, match="machine 62 is not an AMD GPU"):
        read(bytes(made))


def test_an_unknown_chip_is_refused_with_its_number() -> None:
    made = bytearray(ours())
    made[48] = 0x42
    with pytest.raises(CodeObjectError, match="0x42 is not a known chip"):
        read(bytes(made))


def test_a_kernel_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(CodeObjectError, match="no kernel `three`, only: one, two"):
        read(ours()).kernel("three")


def test_a_bundle_gives_the_code_of_the_chip() -> None:
    other = chip_named("gfx1030")
    assert other is not None
    both = bundle(
        ("host-x86_64-unknown-linux-gnu-", b""),
        ("hipv4-amdgcn-amd-amdhsa--gfx1100", ours()),
        ("hipv4-amdgcn-amd-amdhsa--gfx1030", write(code_object(other, "old"))),
    )
    assert read(both, other).chip is other
    assert read(both, chip_named("gfx1100")).kernels[0].image.name == "one"
    with pytest.raises(CodeObjectError, match="choose one of its chips: gfx1100, gfx1030"):
        read(both)
    with pytest.raises(CodeObjectError, match="no code for gfx1201, only: gfx1100, gfx1030"):
        read(both, chip_named("gfx1201"))


def test_a_compressed_bundle_is_refused_with_advice() -> None:
    with pytest.raises(CodeObjectError, match="clang-offload-bundler"):
        read(b"CCOB" + bytes(100))
