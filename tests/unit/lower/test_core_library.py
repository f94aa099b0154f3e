"""The core library agrees with Python on every kind of value."""

import math
import random
import struct

from mlrift.frontend.lower.constant_text import float_text
from tests.unit.lower.programs import main_output, output

SEED = 20
COUNT = 150


def words() -> list[int]:
    source = random.Random(SEED)
    edges = [10**n + d for n in range(20) for d in (-1, 0, 1)] + [2**63, 2**63 - 1, 2**64 - 1, 0]
    return edges + [source.getrandbits(source.randint(1, 64)) for _ in range(COUNT)]


def doubles() -> list[float]:
    source = random.Random(SEED)
    edges = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e18, 999999999999999872.0, 5e-324, 1e-6]
    wild = [struct.unpack("<d", source.randbytes(8))[0] for _ in range(COUNT)]
    plain = [source.uniform(-1, 1) * 10.0 ** source.randint(-8, 19) for _ in range(COUNT)]
    return edges + wild + plain


def bits_of(number: float) -> int:
    return int.from_bytes(struct.pack("<d", number), "little")


def test_words_print_as_python_prints_them() -> None:
    body = "\n".join(f"v = {word} i = v println(v, i)" for word in words())
    expected = "".join(f"{word} {word - (word >> 63 << 64)}\n" for word in words())
    assert main_output(f"u64 v = 0 i64 i = 0 {body}") == expected


def test_doubles_print_as_the_constant_formatter_prints_them() -> None:
    body = "\n".join(f"store64(p, {bits_of(row)}) v = load64(p) println(v)" for row in doubles())
    expected = "".join(float_text(row).decode() + "\n" for row in doubles())
    assert main_output(f"u64 p = alloc(8) f64 v = 0.0 {body}") == expected


def test_fresh_storage_survives_many_chunks() -> None:
    body = """
        u64 last = 0
        for i in 0..90 { u64[3000] big big[0] = last big[2999] = i last = big }
        u64 sum = 0
        while last != 0 { sum += load64(last + 2999 * 8) last = load64(last) }
        println(sum)"""
    assert main_output(body) == f"{sum(range(90))}\n"


def test_long_texts_print_in_one_piece() -> None:
    for size in (0, 255, 256, 1000):
        text = "y" * size
        assert main_output(f'u64 t = "{text}" println_str(t) print_str(t)') == f"{text}\n{text}"


def test_structs_of_any_size_compare_by_bytes() -> None:
    for size in (1, 7, 8, 9, 16, 17):
        fields = " ".join(f"u8 byte{row}" for row in range(size))
        body = f"A a A b print(a == b) b.byte{size - 1} = 1 println(a == b, a != b)"
        assert output(f"struct A {{ {fields} }} fn main() {{ {body} }}") == "10 1\n"
