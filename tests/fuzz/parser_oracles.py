"""What the parsers of std should make of a text, as a line of text, by Python's own means."""

import base64
import binascii
import datetime
import ipaddress
import json
import posixpath
import re
import struct

SEPARATOR = b"\x1f"
_NOT_FOUND, _IO, _AGAIN = 2, 5, 11  # error numbers
_NO_SUCH_NAME = 3
_DATE = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)


class Refused(Exception):
    """The oracle refuses the text."""


def _refuse_constant(name: str) -> object:
    raise Refused(name)


def json_result(text: bytes) -> str:
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
        raise Refused(str(error)) from error
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


def date_result(text: bytes) -> str:
    found = _DATE.fullmatch(text.decode("latin-1"))
    if found is None:
        raise Refused
    day, clock, fraction, sign, hours, minutes = found.groups()
    try:
        moment = datetime.datetime.strptime(f"{day} {clock} +0000", "%Y-%m-%d %H:%M:%S %z")
    except ValueError as error:
        raise Refused from error
    if not 1678 <= moment.year <= 2261:
        raise Refused
    offset = 0
    if sign is not None:
        if int(hours) > 23 or int(minutes) > 59:
            raise Refused
        offset = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    seconds = (moment - epoch) // datetime.timedelta(seconds=1) - offset * 60
    nanoseconds = int((fraction or ".0")[1:10].ljust(9, "0"))
    return str(seconds * 10**9 + nanoseconds)


def integer_result(text: bytes) -> str:
    if not re.fullmatch(rb"[+-]?[0-9]+", text) or not -(1 << 63) <= int(text) < 1 << 63:
        raise Refused
    return str(int(text))


def utf8_result(text: bytes) -> str:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        return str(error.start + 1)
    return "0"


def address_result(text: bytes) -> str:
    try:
        plain = text.decode("ascii")
        if "%" in plain:
            raise Refused
        return str(ipaddress.ip_address(plain))
    except ValueError as error:
        raise Refused from error


def base64_result(text: bytes) -> str:
    plain = text.rstrip(b"=")
    padding = len(text) - len(plain)
    standard = plain.translate(bytes.maketrans(b"-_", b"+/"))
    if padding > 2 or (padding and len(text) % 4) or len(plain) % 4 == 1:
        raise Refused
    padded = standard + b"=" * (-len(plain) % 4)
    try:
        data = base64.b64decode(padded, validate=True)
    except binascii.Error as error:
        raise Refused from error
    if base64.b64encode(data) != padded:
        raise Refused
    return data.hex()


def hex_result(text: bytes) -> str:
    """Hexadecimal digits in pairs."""
    if not re.fullmatch(rb"([0-9a-fA-F]{2})*", text):
        raise Refused
    return text.decode("ascii").lower()


def unsigned_result(text: bytes) -> str:
    """Decimal digits within 64 bits."""
    if not re.fullmatch(rb"[0-9]+", text) or int(text) >= 1 << 64:
        raise Refused
    return str(int(text))


def float_bits(text: bytes) -> int:
    """Return the bits of the nearest f64 of a decimal text."""
    if not re.fullmatch(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        raise Refused
    return int(struct.unpack("<Q", struct.pack("<d", float(text)))[0])


def float_result(text: bytes) -> str:
    """The bits of the nearest f64, as a number."""
    return str(float_bits(text))


def path_result(text: bytes) -> str:
    """The base, folder, extension, stem and simple form of a path."""
    trimmed = text[:1] + text[1:].rstrip(b"/")
    head, _, base = trimmed.rpartition(b"/")
    folder = head.rstrip(b"/") or (b"/" if b"/" in trimmed else b".")
    dot = base.rfind(b".")
    if dot < 1 or base == b"..":
        dot = len(base)
    normal = posixpath.normpath(text)
    if normal.startswith(b"//"):
        normal = normal[1:]
    parts = (base, folder, base[dot:], base[:dot], normal)
    return "".join(f"{part.hex()} " for part in parts)


def match_result(text: bytes) -> str:
    """Whether a name matches a pattern of `*` and `?`."""
    name, _, pattern = text.partition(SEPARATOR)
    stars = {b"*": b"[^/]*", b"?": b"[^/]"}
    pieces = [pattern[n : n + 1] for n in range(len(pattern))]
    shape = b"".join(stars.get(piece, re.escape(piece)) for piece in pieces)
    return str(int(re.fullmatch(shape, name, re.DOTALL) is not None))


def replaced_text(data: bytes) -> str:
    """Return a text whose malformed bytes have become U+FFFD, each for itself."""
    found: list[str] = []
    while data:
        for width in range(1, 5):
            try:
                found.append(data[:width].decode("utf-8"))
            except UnicodeDecodeError:
                continue
            break
        else:
            found.append("\ufffd")
            width = 1
        data = data[width:]
    return "".join(found)


def answer_result(packet: bytes) -> str:
    """The error number of a DNS answer to question 0x1234 and its IPv4 addresses."""
    if len(packet) < 12 or packet[:2] != b"\x12\x34" or not packet[2] & 0x80:
        return str(_AGAIN)
    code = packet[3] & 15
    if code:
        return str(_NOT_FOUND if code == _NO_SUCH_NAME else _IO)
    found: list[str] = []
    try:
        _read_answers(packet, found)
    except IndexError:
        return " ".join([str(_IO), *found])
    return " ".join([str(0 if found else _NOT_FOUND), *found])


def _read_answers(packet: bytes, found: list[str]) -> None:
    questions, answers = struct.unpack(">HH", packet[4:8])
    place = 12
    for _ in range(questions):
        place = _behind(packet, _skip_name(packet, place), 4)
    for _ in range(answers):
        place = _skip_name(packet, place)
        after = _behind(packet, place, 10)
        kind, group, _life, size = struct.unpack(">HHIH", packet[place:after])
        place = _behind(packet, after, size)
        if (kind, group, size) == (1, 1, 4):
            found.append(str(ipaddress.IPv4Address(packet[after:place])))


def _behind(packet: bytes, place: int, size: int) -> int:
    if place + size > len(packet):
        raise IndexError
    return place + size


def _skip_name(packet: bytes, place: int) -> int:
    while True:
        size = packet[place]
        if size >= 0xC0:
            return place + 2
        if size >= 0x40:
            raise IndexError
        place += size + 1
        if size == 0:
            return place
