"""`mlrc explain`: every code is explained, and the examples are what they claim to be."""

import json
import shlex
from pathlib import Path

import pytest

from mlrift.cli.explain_command import near_codes, read_explanations
from mlrift.diagnostics.catalog import ALL_KINDS
from mlrift.diagnostics.explain import COMMAND, Explanation, parse_explanations, source_bytes
from tests.harness.compiler import run_mlrc

ENTRIES = read_explanations()
CHOOSES_TARGET = ("-c", "--arch", "--target", "--targets", "--emit", "check")


def result_of(entry: Explanation, example: str, folder: Path) -> tuple[int, set[str]]:
    """Compile an example; returns the exit status and the codes that were reported."""
    (folder / "helper.mlr").write_text("fn help() { }\n")
    (folder / "primes.mlr").write_text("fn main() { println(2, 3, 5, 7) }\n")
    if example.startswith(COMMAND):
        _, *words = shlex.split(example.removeprefix(COMMAND))
        before = {path: path.read_bytes() for path in folder.iterdir()}
    else:
        (folder / "example.mlr").write_bytes(source_bytes(example))
        words = [*entry.options, "example.mlr"]
        before = {}
    if not any(word.split("=")[0] in CHOOSES_TARGET for word in words):
        words += ["--arch=x86_64", "-O0"]
    status, _, messages = run_mlrc([*words, "--error-format=json"])
    assert all(path.read_bytes() == content for path, content in before.items())
    rows = [json.loads(line) for line in messages.splitlines() if line.startswith("{")]
    return status, {row["code"] for row in rows}


def test_every_code_is_explained_with_both_examples() -> None:
    assert {kind.code for kind in ALL_KINDS} == set(ENTRIES)
    for entry in ENTRIES.values():
        assert entry.meaning, entry.code
        assert entry.wrong, entry.code
        assert entry.right, entry.code


@pytest.mark.parametrize("code", ENTRIES)
def test_the_wrong_example_is_given_the_code_and_the_right_one_none(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = ENTRIES[code]
    monkeypatch.chdir(tmp_path)
    status, codes = result_of(entry, entry.wrong, tmp_path)
    assert codes == {code, *entry.companions}
    assert status == (1 if code.startswith("E") else 0)
    assert result_of(entry, entry.right, tmp_path) == (0, set())


def test_an_explanation_has_meaning_and_both_programs() -> None:
    status, out, err = run_mlrc(["explain", "e0301"])
    assert (status, err) == (0, "")
    assert out.startswith("E0301 (error): redefinition of function 'NAME'\n")
    assert "\nWrong:\n\n    fn twice() { }\n    fn twice() { }\n" in out
    assert "\nRight:\n\n    fn once() { }\n" in out


def test_an_unknown_code_names_near_ones() -> None:
    status, out, err = run_mlrc(["explain", "E0300"])
    assert (status, out) == (1, "")
    assert err == "mlrc explain: error: no diagnostic 'E0300'; near: E0301, E0302, E0303\n"


def test_a_word_that_is_no_code() -> None:
    assert run_mlrc(["explain", "frob"])[0] == 1
    assert near_codes("E03O1", ["E0301", "W0303"])[0] == "E0301"
    assert near_codes("306", ["E0301", "W0305", "E0309"])[0] == "W0305"


def test_a_word_of_messages_leads_to_their_list() -> None:
    status, _, err = run_mlrc(["explain", "tuple"])
    assert status == 1
    assert err == ("mlrc explain: error: no diagnostic 'tuple'; see `mlrc explain --list tuple`\n")


def test_the_list_has_every_code_once() -> None:
    status, out, err = run_mlrc(["explain", "--list"])
    assert (status, err) == (0, "")
    assert [line[:5] for line in out.splitlines()] == [kind.code for kind in ALL_KINDS]
    assert "\nE0301  redefinition of function 'NAME'\n" in out


def test_the_list_can_be_of_some_words() -> None:
    status, out, _ = run_mlrc(["explain", "--list", "Tuple", "e03"])
    assert status == 0
    assert [line[:5] for line in out.splitlines()] == ["E0341", "E0342"]
    status, out, err = run_mlrc(["explain", "--list", "frob"])
    assert (status, out) == (1, "")
    assert err == "mlrc explain: error: no message has 'frob'\n"


def test_without_a_code_the_usage_is_printed() -> None:
    status, out, err = run_mlrc(["explain"])
    assert (status, err) == (0, "")
    assert out.startswith("usage: mlrc explain CODE")


def test_an_unknown_option_is_refused() -> None:
    status, _, err = run_mlrc(["explain", "--frob", "E0301"])
    assert status == 1
    assert "unknown option '--frob'" in err


def test_a_code_explained_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="E0301 is explained twice"):
        parse_explanations("=== E0301\na\n\n=== E0301\nb\n")
