"""The parsers of std get mutated texts: they never crash, and agree with Python's own."""

import json
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from mlrift.driver.options import Optimisation
from mlrift.targets import LINUX_X86_64
from tests.fuzz import parser_oracles as oracles
from tests.fuzz.flags_oracle import flags_result
from tests.fuzz.parser_oracles import SEPARATOR, Refused, replaced_text
from tests.harness.compiler import compile_program
from tests.support.engines import default_engine

_CASES = 2000
_REFUSED = "!"
# A machine's name, its name by a pointer, and one in the middle; types A, AAAA, CNAME.
_QUESTION = struct.pack(">6H", 0x1234, 0x8180, 1, 3, 0, 0) + b"\x04host\x02de\x00\x00\x01\x00\x01"
_ANSWERS = b"".join(
    name + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
    for name, kind, data in (
        (b"\xc0\x0c", 5, b"\x03www\xc0\x11"),
        (b"\x03www\xc0\x11", 1, bytes((127, 0, 0, 1))),
        (b"\xc0\x0c", 1, bytes((10, 0, 255, 7))),
    )
)
_SEEDS: dict[str, tuple[bytes, ...]] = {
    "j": (
        b'{"a":[1,-2.5e+3,true,false,null,"x\\u00e9\\ud83d\\ude00\\n"],"b":{"c":{}},"d":[]}',
        b'[[],[[]],0,-0,0.1,1E5,"\\"\\\\\\/\\b\\f\\n\\r\\t"]',
        '"é€😀"'.encode(),
        b" [ 1 , 2 ] ",
    ),
    "d": (
        b"2024-02-29T23:30:00.5+01:00",
        b"1999-12-31 23:59:59Z",
        b"2000-01-01T00:00:00.123456-11:30",
    ),
    "i": (b"-9223372036854775808", b"9223372036854775807", b"+12", b"0"),
    "n": (b"18446744073709551615", b"18446744073709551616", b"007"),
    "f": (b"-12.5e-3", b"1e308", b".5", b"4.9406564584124654e-324", b"0.1", b"+1.", b"2e400"),
    "u": (
        "aé€😀z".encode(),
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xc0\x80",
        b"ascii only, long",
    ),
    "a": (
        b"2001:db8::ff00:42:8329",
        b"::ffff:1.2.3.4",
        b"1:2:3:4:5:6:7:8",
        b"::",
        b"fe80::1",
        b"1:0:0:2:0:0:0:3",
        b"127.0.0.1",
        b"255.255.255.255",
    ),
    "b": (b"Zm9vYmFy", b"Zg==", b"Zm8=", b"-_-_"),
    "h": (b"00ff7F", b"", b"0123456789abcdef"),
    "p": (b"a/b/../c.tar.gz", b"/a//./b/", b"..", b".profile", b"/", b"a/...", b"../../x."),
    "m": (
        b"main.mlr\x1f*.mlr",
        b"a/b.c\x1f?/*.?",
        b"aaaab\x1f*a*ab",
        b"x\x1f**",
        b"src/deep/name\x1f*/*/n*e",
    ),
    "w": (
        b"%Y-%m-%dT%H:%M:%S.%N\x1f2024-02-29T23:59:59.999999999",
        b"%d %B %Y\x1f24 December 1999",
        b"%b %d, %Y %T.%L\x1fMay 01, 1970 00:00:00.001",
        b"%F %T.%f\x1f2000-01-01 12:34:56.000001",
        b"100%%%m%Y%d\x1f100%12202431",
        b"%FT%T?%Z\x1f2024-02-29T23:30:00.5+01:00",
    ),
    "x": (_QUESTION + _ANSWERS, _QUESTION[:2] + b"\x81\x83" + _QUESTION[4:]),
    "g": (
        b"-vv\x1f--size=12\x1fin.txt\x1f--\x1f--odd",
        b"-ls5\x1f--no-loud\x1f--name\x1f-x\x1f-5",
        b"--ratio\x1f-1.5e3\x1f-n=\x1f--cache=yes\x1f-",
        b"--size\x1f-0x8000000000000000\x1f--help",
        b"--loud=maybe\x1f-s",
    ),
    "l": (b"key\x1fvalue", b'k"\\\x1f\x01\t\n\x7f', "ä\x1f€😀".encode(), b"\x1f\xe2\x82"),
}
_WITH_NUL = frozenset("jx")  # texts that have a length


def _pattern_result(text: bytes) -> str:
    """What was read by one of our patterns is written as it was; others need only not crash."""
    pattern, _, moment = text.partition(SEPARATOR)
    if text in _SEEDS["w"] and b"Z" not in pattern:
        return f"{moment.hex()} "
    raise Refused


def _record_result(text: bytes) -> str:
    parts = [replaced_text(part) for part in text.split(SEPARATOR, 1)]
    key, value = (json.dumps(part, ensure_ascii=False) for part in [*parts, ""][:2])
    return f'{{"level":"WARN","msg":{value},{key}:{value}}}'


_ORACLES: dict[str, Callable[[bytes], str]] = {
    "j": oracles.json_result,
    "d": oracles.date_result,
    "i": oracles.integer_result,
    "n": oracles.unsigned_result,
    "f": oracles.float_result,
    "u": oracles.utf8_result,
    "a": oracles.address_result,
    "b": oracles.base64_result,
    "h": oracles.hex_result,
    "p": oracles.path_result,
    "m": oracles.match_result,
    "w": _pattern_result,
    "x": oracles.answer_result,
    "g": flags_result,
    "l": _record_result,
}
_PLAIN = b'0123456789"\\{}[]:,.-+eEtTuZ= \x7f\x80\xff\n'


def _mutate(text: bytes, source: random.Random, lowest: int) -> bytes:
    data = bytearray(text)
    for _ in range(source.randrange(3)):
        place = source.randrange(len(data) + 1)
        match source.randrange(4):
            case 0:
                del data[place : place + source.randrange(1, 4)]
            case 1:
                data[place:place] = bytes([source.randrange(lowest, 256)])
            case 2:
                data[place:place] = data[source.randrange(len(data) + 1) :][:8]
            case _:
                if place < len(data):
                    data[place] = source.choice(_PLAIN)
    return bytes(data)


@pytest.fixture(scope="module")
def image() -> bytes:
    """Return the program that reads all kinds of texts, with the run-time checks."""
    source = Path(__file__).parent / "std_parsers.mlr"
    compiled = compile_program(source, ["--debug"], (LINUX_X86_64,), Optimisation.NONE)
    return compiled.images[LINUX_X86_64.name]


@pytest.mark.parametrize("letter", sorted(_SEEDS))
def test_parser_agrees_with_python(letter: str, image: bytes) -> None:
    source = random.Random(f"std parsers {letter}")
    lowest = 0 if letter in _WITH_NUL else 1
    texts = [_mutate(source.choice(_SEEDS[letter]), source, lowest) for _ in range(_CASES)]
    stdin = "".join(f"{letter}{text.hex()}\n" for text in texts).encode()
    engine = default_engine(LINUX_X86_64)
    reason = engine.missing()
    if reason is not None:
        pytest.skip(f"needs {reason}")
    result = engine.run(image, stdin=stdin)
    assert result.status == 0, result.stderr
    found = result.stdout.decode("utf-8").split("\n")[:-1]
    assert len(found) == len(texts)
    for text, row in zip(texts, found, strict=True):
        try:
            expected = _ORACLES[letter](text)
        except Refused:
            expected = _REFUSED
        if letter != "w" or expected != _REFUSED:
            assert row == expected, text
