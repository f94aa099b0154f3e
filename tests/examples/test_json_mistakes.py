"""json.mlr refuses what RFC 8259 refuses, with the place, status 1 and no output."""

import json
from pathlib import Path

import pytest

from tests.examples.oracles import EXAMPLES, json_indented
from tests.examples.programs import run_example

MISTAKES = (
    ("", "1:1: a value was expected, not the end of the text"),
    ("{", "1:2: a name in quotes was expected"),
    ("[1,\n 2,,3]", "2:4: a value was expected"),
    ("[1,]", "1:4: a value was expected"),
    ('{"a" 1}', "1:6: ':' was expected after a name"),
    ('{"a": 1 "b": 2}', "1:9: ',' or '}' was expected"),
    ("[1 2]", "1:4: ',' or ']' was expected"),
    ("[01]", "1:3: a number may not start with a zero"),
    ("-", "1:2: a digit was expected"),
    ("1.", "1:3: a digit was expected"),
    ("1e+", "1:4: a digit was expected"),
    ("+1", "1:1: a value was expected"),
    ("nul", "1:4: a value was expected"),
    ("[truth]", "1:5: a value was expected"),
    ('"a\\q"', "1:4: unknown escape in a string"),
    ('"\\u12g4"', "1:6: \\u needs four hexadecimal digits"),
    ('"no end', "1:8: the text ends inside a string"),
    ('"two\nlines"', "1:5: control character in a string"),
    ('["é", é]', "1:7: a value was expected"),
    ("{}\n\n  {}", "3:3: text after the value"),
    ("[" * 300, "1:258: too many nested objects and lists"),
)


@pytest.mark.parametrize(("text", "message"), MISTAKES, ids=[m[:30] for _, m in MISTAKES])
def test_mistake_is_reported_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
    result = run_example("json", [], tmp_path, text.encode())
    assert result.stderr.decode() == f"standard input:{message}\n"
    assert (result.status, result.stdout) == (1, b"")


def test_mistake_in_a_file_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_bytes((EXAMPLES / "data" / "bad.json").read_bytes())
    result = run_example("json", ["bad.json"], tmp_path)
    assert result.stderr == b"bad.json:3:17: a value was expected\n"
    assert (result.status, result.stdout) == (1, b"")


def test_missing_file_is_reported(tmp_path: Path) -> None:
    result = run_example("json", ["none.json"], tmp_path)
    assert (result.status, result.stderr) == (1, b"json: cannot open none.json\n")


@pytest.mark.parametrize("text", ["7", ' "x" ', "[]", "{ }", '[{"a":[{}]},-0.5e-7]', "\t\r\nnull"])
def test_correct_text_is_indented(text: str, tmp_path: Path) -> None:
    result = run_example("json", [], tmp_path, text.encode())
    assert (result.status, result.stdout.decode()) == (0, json_indented(text))


def test_long_text_from_standard_input_is_read_to_its_end(tmp_path: Path) -> None:
    text = json.dumps([f"number {i}" for i in range(20_000)])
    result = run_example("json", [], tmp_path, text.encode())
    assert (result.status, result.stdout.decode()) == (0, json_indented(text))
