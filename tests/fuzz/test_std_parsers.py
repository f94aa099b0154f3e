"""The parsers of std get mutated texts: they never crash, and agree with Python's own."""

import base64
import binascii
import datetime
import ipaddress
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mlrift.targets import LINUX_X86_64
from tests.harness.compiler import compile_program
from tests.support.engines import default_engine

_CASES = 2000
_REFUSED = "!"
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
}
_DATE = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)


class _Refused(Exception):
    """The oracle refuses the text."""


def _refuse_constant(name: str) -> object:
    raise _Refused(name)


def _json(text: bytes) -> str:
    try:
        value = json.loads(
            text.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_int=_Number,
            parse_float=_Number,
            object_pairs_hook=_Members,
        )
        written = _write(value)
        written.encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise _Refused(str(error)) from error
    return written


class _Number(str):
    """A number as it was written."""


class _Members(list[tuple[str, object]]):
    """The members of an object, doubled names included."""


def _write(value: object) -> str:
    match value:
        case _Number():
            return str(value)
        case _Members():
            return "{" + ",".join(f"{_write(name)}:{_write(row)}" for name, row in value) + "}"
        case list():
            return "[" + ",".join(map(_write, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _date(text: bytes) -> str:
    found = _DATE.fullmatch(text.decode("latin-1"))
    if found is None:
        raise _Refused
    day, clock, fraction, sign, hours, minutes = found.groups()
    try:
        moment = datetime.datetime.strptime(f"{day} {clock} +0000", "%Y-%m-%d %H:%M:%S %z")
    except ValueError as error:
        raise _Refused from error
    if not 1678 <= moment.year <= 2261:
        raise _Refused
    offset = 0
    if sign is not None:
        if int(hours) > 23 or int(minutes) > 59:
            raise _Refused
        offset = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    seconds = (moment - epoch) // datetime.timedelta(seconds=1) - offset * 60
    nanoseconds = int((fraction or ".0")[1:10].ljust(9, "0"))
    return str(seconds * 10**9 + nanoseconds)


def _integer(text: bytes) -> str:
    if not re.fullmatch(rb"[+-]?[0-9]+", text) or not -(1 << 63) <= int(text) < 1 << 63:
        raise _Refused
    return str(int(text))


def _utf8(text: bytes) -> str:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        return str(error.start + 1)
    return "0"


def _address(text: bytes) -> str:
    try:
        plain = text.decode("ascii")
        if "%" in plain:
            raise _Refused
        return str(ipaddress.ip_address(plain))
    except ValueError as error:
        raise _Refused from error


def _base64(text: bytes) -> str:
    plain = text.rstrip(b"=")
    padding = len(text) - len(plain)
    standard = plain.translate(bytes.maketrans(b"-_", b"+/"))
    if padding > 2 or (padding and len(text) % 4) or len(plain) % 4 == 1:
        raise _Refused
    padded = standard + b"=" * (-len(plain) % 4)
    try:
        data = base64.b64decode(padded, validate=True)
    except binascii.Error as error:
        raise _Refused from error
    if base64.b64encode(data) != padded:
        raise _Refused
    return data.hex()


_ORACLES: dict[str, Callable[[bytes], str]] = {
    "j": _json,
    "d": _date,
    "i": _integer,
    "u": _utf8,
    "a": _address,
    "b": _base64,
}


def _mutate(text: bytes, source: random.Random) -> bytes:
    data = bytearray(text)
    for _ in range(source.randrange(3)):
        place = source.randrange(len(data) + 1)
        match source.randrange(4):
            case 0:
                del data[place : place + source.randrange(1, 4)]
            case 1:
                data[place:place] = bytes([source.randrange(1, 256)])
            case 2:
                data[place:place] = data[source.randrange(len(data) + 1) :][:8]
            case _:
                if place < len(data):
                    data[place] = source.choice(b'0123456789"\\{}[]:,.-+eEtTuZ= \x7f\x80\xff\n')
    return bytes(data)


@pytest.mark.parametrize("letter", sorted(_SEEDS))
def test_parser_agrees_with_python(letter: str) -> None:
    source = random.Random(f"std parsers {letter}")
    texts = [_mutate(source.choice(_SEEDS[letter]), source) for _ in range(_CASES)]
    image = compile_program(
        Path(__file__).parent / "std_parsers.mlr", ["--debug"], (LINUX_X86_64,)
    ).images[LINUX_X86_64.name]
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
        except _Refused:
            expected = _REFUSED
        assert row == expected, text
