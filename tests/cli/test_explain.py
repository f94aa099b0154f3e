"""`mlrc explain`: every code is explained, and the examples are what they claim to be."""

from pathlib import Path

import pytest

from mlrift.cli.explain_command import near_codes, read_explanations
from mlrift.diagnostics.catalog import ALL_KINDS
from mlrift.diagnostics.explain import parse_explanations
from mlrift.driver import pipeline
from mlrift.driver.compilation import RecordingReader
from mlrift.driver.options import Product
from mlrift.targets import LINUX_X86_64
from tests.harness.compiler import context_for, options_for, run_mlrc

ENTRIES = read_explanations()
WITH_EXAMPLES = [code for code, entry in ENTRIES.items() if entry.wrong]
# They need a file, a folder, an option, a target, a linker or 2 GiB of source.
WITHOUT_EXAMPLES = {
    *("E0101", "E0102", "E0105", "E0214", "E0217"),
    *(
        "W0312",
        "E0601",
        "E0603",
        "E0604",
        "E0605",
        "E0606",
    ),
}


def codes_of(text: str, options: tuple[str, ...], folder: Path) -> list[str]:
    path = folder / "a.mlr"
    path.write_text(text)
    (folder / "helper.mlr").write_text("fn help() { }\n")
    product = Product.CHECK if "check" in options else Product.EXECUTABLE
    context = context_for(options_for(path, [], product=product, targets=(LINUX_X86_64,)))
    program = pipeline.parse(context, RecordingReader())
    if not context.sink.has_errors:
        pipeline.check_types(context, program)
    return [row.code for row in context.sink.diagnostics()]


def test_every_code_is_explained() -> None:
    assert {kind.code for kind in ALL_KINDS} == set(ENTRIES)
    assert all(entry.meaning for entry in ENTRIES.values())


def test_every_code_that_can_have_an_example_has_one() -> None:
    assert set(ENTRIES) - set(WITH_EXAMPLES) == WITHOUT_EXAMPLES


@pytest.mark.parametrize("code", WITH_EXAMPLES)
def test_the_wrong_program_is_given_the_code_and_the_right_one_none(
    code: str, tmp_path: Path
) -> None:
    entry = ENTRIES[code]
    assert code in codes_of(entry.wrong, entry.options, tmp_path)
    assert codes_of(entry.right, entry.options, tmp_path) == []


def test_an_explanation_has_meaning_and_both_programs() -> None:
    status, out, err = run_mlrc(["explain", "e0301"])
    assert (status, err) == (0, "")
    assert out.startswith("E0301 (error): redefinition of function '{name}'\n")
    assert "\nWrong:\n\n    fn twice() { }\n    fn twice() { }\n" in out
    assert "\nRight:\n\n    fn once() { }\n" in out


def test_an_unknown_code_names_near_ones() -> None:
    status, out, err = run_mlrc(["explain", "E0300"])
    assert (status, out) == (1, "")
    assert err == "mlrc explain: error: no diagnostic 'E0300'; near: E0301, E0302, E0303\n"


def test_a_word_that_is_no_code() -> None:
    assert run_mlrc(["explain", "frob"])[0] == 1
    assert near_codes("E03O1", ["E0301", "W0303"])[0] == "E0301"


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
