"""The house rules of style.md that a linter does not know: sizes, names, the tree."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
PACKAGE = PROJECT / "mlrift"
LOGIC_LIMIT = 600
TABLE_LIMIT = 1200
FUNCTION_LIMIT = 60
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "common", "misc"}
GENERATED = {PACKAGE / "frontend" / "grammar" / "tables.py"}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path not in GENERATED)


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node


def branches(node: ast.AST) -> bool:
    """Return whether a node decides something; imports for the type checker alone do not."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test) != "TYPE_CHECKING"
    return isinstance(node, ast.For | ast.While)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = text.count("\n")
    has_branches = any(branches(node) for node in ast.walk(tree))
    assert lines <= (LOGIC_LIMIT if has_branches else TABLE_LIMIT), f"{lines} lines"
    assert path.stem not in EMPTY_NAMES, "a name that says nothing"
    assert not text or ast.get_docstring(tree), "no module docstring"
    for function in functions(tree):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        assert length <= FUNCTION_LIMIT, f"{function.name} has {length} lines"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_library_never_imports_tests(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith("tests")


def test_environment_is_read_only_in_cli() -> None:
    allowed = PACKAGE / "cli"
    runtime = PACKAGE / "runtime"
    for path in modules():
        if allowed in path.parents or runtime in path.parents:
            continue
        text = path.read_text(encoding="utf-8")
        assert "os.environ" not in text and "os.getenv" not in text, path
