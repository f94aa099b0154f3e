"""docs/reference.md agrees with the grammar, the builtins and itself."""

import re
from pathlib import Path

import pytest

from mlrift.diagnostics.catalog import ALL_KINDS
from mlrift.diagnostics.model import Severity
from mlrift.frontend.builtins.declaration import Builtin
from mlrift.frontend.builtins.table import BUILTINS
from mlrift.frontend.check.signatures import SPECIAL_FORMS
from mlrift.typesystem import DOUBLE, S64, SINGLE, U64, ScalarType

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
GRAMMAR = (ROOT / "mlrift" / "frontend" / "grammar" / "mlrift.lark").read_text(encoding="utf-8")
QUIRKS = 65
_PARAMETER_TYPES = {"f64": DOUBLE, "f32": SINGLE, "": U64}
_RESULT_WORDS = {"f64": DOUBLE, "f32": SINGLE, "signed": S64, "unsigned": U64}


def _section(heading: str) -> str:
    """Return the text from a heading to the next one of its level or above."""
    start = TEXT.index(f"\n{heading}")
    level = heading.index(" ")
    following = re.compile(rf"^#{{1,{level}}} ", re.MULTILINE)
    found = following.search(TEXT, start + len(heading) + 1)
    return TEXT[start : found.start() if found is not None else len(TEXT)]


def _lark_rules() -> str:
    rules = GRAMMAR.split("terminals last", 1)[-1].split("%declare")[0]
    return "\n".join(line for line in rules.splitlines() if not line.startswith("//"))


def _ebnf() -> str:
    block = re.search(r"```ebnf\n(.*?)```", TEXT, re.DOTALL)
    assert block is not None
    return re.sub(r"\(\*.*?\*\)", "", block[1])


def _words(text: str) -> set[str]:
    return set(re.findall(r"\b[A-Za-z_]+\b", re.sub(r'"[^"]*"', " ", text)))


def test_grammar_has_the_terminals_of_the_compiler() -> None:
    ours = set(re.findall(r'"([^"]+)"', _ebnf()))
    theirs = set(re.findall(r'"([^"]+)"', _lark_rules()))
    assert ours == theirs


def test_grammar_has_the_tokens_of_the_compiler() -> None:
    def tokens(text: str) -> set[str]:
        return {word for word in _words(text) if word.isupper() and len(word) > 1}

    assert tokens(_ebnf()) == tokens(_lark_rules()) - {"GENERIC_LESS"}


def test_grammar_defines_every_rule_it_uses() -> None:
    defined = set(re.findall(r"^(\w+)\s+=", _ebnf(), re.MULTILINE))
    used = {word for word in _words(_ebnf()) if word.islower()}
    assert used == defined


def test_grammar_names_the_rules_of_the_compiler() -> None:
    defined = set(re.findall(r"^(\w+)\s+=", _ebnf(), re.MULTILINE))
    theirs = set(re.findall(r"^\??(\w+):", _lark_rules(), re.MULTILINE))
    assert defined <= theirs


def test_keywords_are_those_of_the_grammar() -> None:
    block = re.search(r"```text\n(.*?)```", _section("### 2.1 Keywords"), re.DOTALL)
    assert block is not None
    rules = _lark_rules()
    keywords = set(re.findall(r'"([a-z]+)"', rules))
    types = re.search(r"^TYPE_KEYWORD:(.*?)\n\n", GRAMMAR, re.DOTALL | re.MULTILINE)
    assert types is not None
    assert set(block[1].split()) == keywords | set(re.findall(r'"(\w+)"', types[1]))


def _documented_builtins() -> dict[str, tuple[list[str], str]]:
    """Return name -> (parameters, words of the row's second cell)."""
    found: dict[str, tuple[list[str], str]] = {}
    for line in _section("## 13. Builtins").splitlines():
        if not line.startswith("| `"):
            continue
        cells = line.strip("|").split("|")
        for name, parameters in re.findall(r"`(\w+)\(([^)]*)\)`", cells[0]):
            found[name] = ([row.strip() for row in parameters.split(",") if row], cells[1].strip())
    return found


DOCUMENTED = _documented_builtins()


def test_every_builtin_is_documented_and_no_other() -> None:
    assert set(DOCUMENTED) == set(BUILTINS)


def test_every_builtin_is_used_in_an_example() -> None:
    """Those of names with `os_` are what std is made of; their examples are in docs/std."""
    examples = "".join(re.findall(r"```mlr.*?\n(.*?)```", TEXT, re.DOTALL))
    used = set(re.findall(r"\b(\w+)\(", examples))
    assert {name for name in BUILTINS if not name.startswith("os_")} <= used


def test_special_forms_are_documented() -> None:
    assert all(re.search(rf"`{name}\b", TEXT) for name in SPECIAL_FORMS)


@pytest.mark.parametrize("builtin", BUILTINS.values(), ids=lambda row: str(row.name))
def test_builtin_has_the_documented_signature(builtin: Builtin) -> None:
    parameters, second = DOCUMENTED[builtin.name]
    types = tuple(_PARAMETER_TYPES[row.partition(":")[2].strip()] for row in parameters)
    assert types == builtin.parameters
    documented: ScalarType = _RESULT_WORDS.get(second, U64)
    assert builtin.result is documented


def test_every_quirk_is_listed_once() -> None:
    listed = re.findall(r"^\| Q(\d+) \|", _section("## 21. Differences"), re.MULTILINE)
    assert sorted(map(int, listed)) == list(range(1, QUIRKS + 1))


def test_every_warning_is_listed() -> None:
    rows = re.findall(r"^\| (W0\d+.*?) \|", _section("### 17.3 Warnings"), re.MULTILINE)
    warnings = [kind.code for kind in ALL_KINDS if kind.severity is Severity.WARNING]
    assert sorted(" ".join(rows).split()) == sorted(warnings)


def test_comments_name_sections_that_exist() -> None:
    sections = set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)", TEXT, re.MULTILINE))
    points = re.findall(r"^(\d+)\. ", _section("## 1. The model"), re.MULTILINE)
    sections |= {f"1.{number}" for number in points}
    sources = [*(ROOT / "mlrift").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    for path in (*sources, *(ROOT / "std").rglob("*.mlr")):
        named = re.findall(r"reference\.md (\d+(?:\.\d+)?)", path.read_text(encoding="utf-8"))
        assert set(named) <= sections, path


def _anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")


PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, anchor = target.partition("#")
        if "://" in target:
            continue
        other = page.parent / name if name else page
        assert other.exists(), target
        if other.suffix != ".md":
            continue
        headings = re.findall(r"^#+ (.*)$", other.read_text(encoding="utf-8"), re.MULTILINE)
        assert not anchor or anchor in {_anchor(row) for row in headings}, target
