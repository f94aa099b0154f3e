"""std/csv.mlr against Python's csv module: tables of any text, and spoilt ones."""

import csv
import io
import random
import subprocess
from pathlib import Path

import pytest

from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for
from tests.support.engines import engine_named

PARTS = Path(__file__).parent / "parts"
Rows = list[list[str]]
QUOTE, OPEN = 5101, 5102


@pytest.fixture(scope="module", params=[(), ("--debug",)], ids=["plain", "debug"])
def program(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    text = (PARTS / "csv_copy.mlr").read_text(encoding="utf-8")
    return compile_for(tmp_path_factory.mktemp("csv"), text, LINUX_X86_64, *request.param)


def copy_all(program: Path, folder: Path) -> dict[str, tuple[int, int]]:
    """Copy every file of a folder; return the error and the last line of each."""
    words = [str(program), str(folder)]
    done = subprocess.run(words, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = {}
    for line in done.stdout.decode().splitlines():
        name, error, number, close_error = line.split(" ")
        assert close_error == "0"
        found[name] = (int(error), int(number))
    return found


def rows_of(content: bytes) -> Rows:
    """Return the rows that Python reads, empty lines left out."""
    text = io.StringIO(content.decode("latin-1"), newline="")
    return [row for row in csv.reader(text, strict=True) if row]


def random_rows(source: random.Random) -> Rows:
    letters = 'ab ,""\n\r;1\té\0' if source.random() < 0.5 else "abc123."
    return [
        [
            "".join(source.choice(letters) for _ in range(source.choice((0, 1, 3, 9, 400))))
            for _ in range(source.choice((1, 2, 5, 40)))
        ]
        for _ in range(source.choice((0, 1, 2, 9)))
    ]


def test_tables_of_any_text_are_copied(program: Path, tmp_path: Path) -> None:
    source = random.Random(3)
    tables = [random_rows(source) for _ in range(200)]
    for index, rows in enumerate(tables):
        text = io.StringIO(newline="")
        if index % 3 == 0:
            csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
        else:  # with another line end, Python writes a bare \r without quotes
            csv.writer(text, lineterminator="\r\n").writerows(rows)
        content = text.getvalue().encode("latin-1")
        if index % 5 == 0:
            content = content.removesuffix(b"\n").removesuffix(b"\r")
        if index % 7 == 0:
            content = b"\xef\xbb\xbf" + content
        (tmp_path / f"{index}").write_bytes(content)
    found = copy_all(program, tmp_path)
    for index, rows in enumerate(tables):
        assert found[f"{index}"][0] == 0
        assert rows_of((tmp_path / f"{index}.again").read_bytes()) == rows


@pytest.mark.parametrize(
    ("content", "error", "line"),
    [
        (b'a,b"c\n', QUOTE, 1),
        (b'x\n"a"b\n', QUOTE, 2),
        (b'"a\nb"\n\n"c" ,d\n', QUOTE, 4),
        (b'a\n\nb,"c\nd\n', OPEN, 3),
        (b'"', OPEN, 1),
        (b'"a""', OPEN, 1),
        (b"", 0, 1),
        (b"\r\n\n\r", 0, 4),
        (b"\xef\xbb", 0, 1),
        (b"\xef\xbb\xbf", 0, 1),
    ],
)
def test_errors_name_the_line_of_the_row(
    program: Path, tmp_path: Path, content: bytes, error: int, line: int
) -> None:
    (tmp_path / "table").write_bytes(content)
    assert copy_all(program, tmp_path)["table"] == (error, line)


def test_what_is_read_from_spoilt_tables_python_reads_too(program: Path, tmp_path: Path) -> None:
    source = random.Random(8)
    for index in range(1000):
        text = io.StringIO(newline="")
        csv.writer(text).writerows(random_rows(source)[:3])
        content = bytearray(text.getvalue().encode("latin-1")[:300])
        for _ in range(source.randint(1, 3)):
            place = source.randrange(len(content) + 1)
            content[place : place + source.randint(0, 1)] = bytes([source.choice(b'",\n\ra\0\xef')])
        (tmp_path / f"{index}").write_bytes(content)
    found = copy_all(program, tmp_path)
    read = [name for name, (error, _) in found.items() if not error]
    assert len(read) > 200
    for name in read:
        rows = rows_of((tmp_path / name).read_bytes().removeprefix(b"\xef\xbb\xbf"))
        assert rows_of((tmp_path / f"{name}.again").read_bytes()) == rows
