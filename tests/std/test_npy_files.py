"""std/npy.mlr against NumPy: each reads what the other wrote, and both refuse the same files."""

import functools
import io
import random
import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for
from tests.support.engines import engine_named

PARTS = Path(__file__).parent / "parts"
KINDS = {
    "bool": "|b1",
    "u8": "|u1",
    "u16": "<u2",
    "u32": "<u4",
    "u64": "<u8",
    "i8": "|i1",
    "i16": "<i2",
    "i32": "<i4",
    "i64": "<i8",
    "f32": "<f4",
    "f64": "<f8",
}
TABLE = np.dtype([("step", "<u4"), ("big", ">f8"), ("flag", "?"), ("low", "<i2")])
Array = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Dump:
    """What the program says of a file: an error number, or shape, kinds and bytes."""

    error: int
    shape: tuple[int, ...] = ()
    kind: str = ""
    data: bytes = b""


@pytest.fixture(scope="module", params=[(), ("--debug",)], ids=["plain", "debug"])
def program(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    text = (PARTS / "npy_dump.mlr").read_text(encoding="utf-8")
    return compile_for(tmp_path_factory.mktemp("npy"), text, LINUX_X86_64, *request.param)


def dump_all(program: Path, folder: Path) -> dict[str, Dump]:
    """Return what the program reads from every file of a folder."""
    words = [str(program), str(folder)]
    done = subprocess.run(words, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return dict(map(_dump, done.stdout.decode("latin-1").split("\n")[:-1]))


def _dump(line: str) -> tuple[str, Dump]:
    name, _, rest = line.partition(" ")
    if rest.startswith("error "):
        return name, Dump(int(rest.removeprefix("error ")))
    shape, _, rest = rest.removeprefix("(").partition(") ")
    kind, _, data = rest.rpartition(" ")
    extents = tuple(int(part) for part in shape.split(",") if part)
    return name, Dump(0, extents, kind, bytes.fromhex(data))


def expected_dump(array: Array) -> Dump:
    """Return what the program is to say of an array."""
    if array.dtype.names is None:
        plain = array.astype(array.dtype.newbyteorder("<"))
        names = {np.dtype(text): name for name, text in KINDS.items()}
        return Dump(0, array.shape, names[plain.dtype], plain.tobytes("C"))
    names = {np.dtype(text): name for name, text in KINDS.items()}
    kinds = {name: field[0] for name, field in (array.dtype.fields or {}).items()}
    columns = [(name, kinds[name].newbyteorder("<")) for name in array.dtype.names]
    plain = array.astype(np.dtype(columns))
    offset, text = 0, ""
    for name, kind in columns:
        text += f"{name}:{names[kind]}@{offset};"
        offset += kind.itemsize
    return Dump(0, array.shape, text, plain.tobytes("C"))


def arrays() -> list[Array]:
    """Return arrays of all kinds, ranks, orders of bytes and of axes."""
    source = np.random.default_rng(5)
    found: list[Array] = []
    for text in KINDS.values():
        for shape in ((), (0,), (1,), (7,), (3, 4), (2, 0, 3), (2, 3, 4), (1,) * 20):
            bits = source.integers(0, 256, (*shape, np.dtype(text).itemsize), np.uint8)
            array = (bits & 1 if text == "|b1" else bits).copy().view(text).reshape(shape)
            found += [array, np.asfortranarray(array), array.astype(np.dtype(text).newbyteorder())]
    rows = source.integers(0, 2, (2, 3, TABLE.itemsize), np.uint8).view(TABLE)[..., 0]
    wide = np.zeros(2, np.dtype([(f"c{index}", "<f4") for index in range(300)]))
    return [*found, rows, rows[0], rows[1, :0], np.asfortranarray(rows), wide]


def test_what_numpy_writes_is_read_and_written_anew(program: Path, tmp_path: Path) -> None:
    cases = arrays()
    for index, array in enumerate(cases):
        np.save(tmp_path / f"{index}.npy", array)
    found = dump_all(program, tmp_path)
    for index, array in enumerate(cases):
        assert found[f"{index}.npy"] == expected_dump(array), array.dtype
        again = tmp_path / f"{index}.npy.again"
        if again.exists():
            written = np.load(again)
            assert expected_dump(written) == expected_dump(array)
            saved = io.BytesIO()
            np.save(saved, written)
            assert saved.getvalue() == again.read_bytes(), "not the bytes of numpy.save"
        else:
            assert array.dtype.names is not None and array.ndim != 1


def test_formats_2_and_3_are_read(program: Path, tmp_path: Path) -> None:
    array = np.arange(6, dtype="<i4").reshape(2, 3)
    for major in (1, 2, 3):
        with (tmp_path / f"{major}.npy").open("wb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            np.lib.format.write_array(file, array, (major, 0))
    assert set(dump_all(program, tmp_path).values()) == {expected_dump(array)}


def with_header(text: bytes, data: bytes = b"") -> bytes:
    """Return a file of format 1.0 with this header."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


HEAD = b"{'descr': '<u1', 'fortran_order': False, 'shape': (%s), }"
REFUSED = {
    5001: [b"", b"\x93NUMPY", b"\x93NUMPX\x01\x00\x00\x00", b"PK\x03\x04" + bytes(40)],
    5002: [
        b"\x93NUMPY\x04\x00\x00\x00",
        b"\x93NUMPY\x01\x01\x00\x00",
        b"\x93NUMPY\x00\x00\x00\x00",
    ],
    5003: [
        with_header(b""),
        with_header(b"{}"),
        with_header(HEAD % b"3", bytes(3)),
        with_header(HEAD % b"-3,", bytes(3)),
        with_header(HEAD % b"03,", bytes(3)),
        with_header(HEAD % b"3,,", bytes(3)),
        with_header(HEAD % b"3,"[:-1], bytes(3)),
        with_header((HEAD % b"3,").replace(b"False", b"false"), bytes(3)),
        with_header((HEAD % b"3,").replace(b"shape", b"shap"), bytes(3)),
        with_header((HEAD % b"3,").replace(b"}", b"'shape': (3,)}"), bytes(3)),
        with_header((HEAD % b"3,") + b"x", bytes(3)),
        with_header((HEAD % b"3,").replace(b"'", b""), bytes(3)),
    ],
    5004: [b"\x93NUMPY\x02\x00\xff\xff\xff\xff", b"\x93NUMPY\x02\x00\x01\x00\x10\x00" + bytes(99)],
    5005: [
        with_header(HEAD % b"3,", bytes(2)),
        with_header(HEAD % b"3,")[:-5],
        b"\x93NUMPY\x01\x00\xff\xff",
        b"\x93NUMPY\x02\x00\x01\x00",
        with_header(HEAD % b"9223372036854775, 1000", bytes(99)),
    ],
    5006: [
        with_header((HEAD % b"3,").replace(b"<u1", word), bytes(99))
        for word in (b"<f2", b"|O", b"<U3", b"<c8", b"|S4", b"<f16", b"|f8", b"float64", b"")
    ]
    + [
        with_header((HEAD % b"3,").replace(b"'<u1'", word), bytes(99))
        for word in (
            b"[]",
            b"[('a', '<f4', (2,))]",
            b"[(('t', 'a'), '<f4')]",
            b"[('a', [('b', '<f4')])]",
            b"[('a', '<f4'), ('a', '<f4')]",
            b"[('', '<f4')]",
        )
    ],
    5007: [
        with_header(HEAD % b"9223372036854775808,"),
        with_header(HEAD % b"99999999999999999999999,"),
        with_header(HEAD % b"4294967296, 4294967296, 0"),
        with_header(HEAD % (b"1, " * 65), bytes(1)),
    ],
}


def test_bad_files_have_an_error_of_their_kind(program: Path, tmp_path: Path) -> None:
    expected = {}
    for error, files in REFUSED.items():
        for index, content in enumerate(files):
            name = f"{error}-{index}"
            (tmp_path / name).write_bytes(content)
            expected[name] = Dump(error)
    assert dump_all(program, tmp_path) == expected


def _mutated(source: random.Random, content: bytes) -> bytes:
    out = bytearray(content)
    header_end = min(len(out), 10 + int.from_bytes(out[8:10], "little"))
    letters = b"{}()[],:'\"<>|=bui f1248TrueFals\x00\n\t\\0123456789.-+#"
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        place = (
            source.randrange(len(out)) if source.random() < 0.2 else source.randrange(header_end)
        )
        match source.randrange(4):
            case 0:
                out[place : place + 1] = bytes([source.choice(letters)])
            case 1:
                out[place:place] = bytes([source.choice(letters)])
            case 2:
                del out[place : place + source.randint(1, 4)]
            case _:
                out[place : place + 1] = bytes([source.randrange(256)])
        header_end = max(1, min(header_end, len(out)))
    if source.random() < 0.7 and len(out) > 20:  # the length fits what the header has become
        end = out.find(b"\n", 10)
        out[8:10] = ((end if end > 0 else len(out) - 1) - 9).to_bytes(2, "little", signed=False)
    return bytes(out)


@functools.cache
def _seeds() -> tuple[bytes, ...]:
    made = []
    for array in (np.arange(5, dtype="<u4"), np.zeros((2, 2), ">f8"), np.zeros(2, TABLE)):
        saved = io.BytesIO()
        np.save(saved, array)
        header, _, data = saved.getvalue()[10:].partition(b"\n")
        made.append(with_header(header.rstrip() + b"\n", data))
    return tuple(made)


def test_what_is_read_from_spoilt_files_numpy_reads_too(program: Path, tmp_path: Path) -> None:
    source = random.Random(11)
    for index in range(3000):
        (tmp_path / f"{index}").write_bytes(_mutated(source, source.choice(_seeds())))
    read = {name: dump for name, dump in dump_all(program, tmp_path).items() if not dump.error}
    assert len(read) > 150, "the fuzzer spoils everything"
    for name, dump in read.items():
        if name.endswith(".again"):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = np.load(tmp_path / name)
        shown = expected_dump(array)
        assert (dump.shape, dump.data) == (shown.shape, shown.data), name
