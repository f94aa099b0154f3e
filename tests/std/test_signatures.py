"""The library offers every function of MLRift 1.1's general modules, with its parameters."""

from pathlib import Path

import pytest

from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver.modules import load_program
from mlrift.frontend.ast import Extern, Function
from mlrift.frontend.builtins.table import BUILTINS

ROWS = [
    line.split()
    for line in Path(__file__).with_name("signatures.txt").read_text().splitlines()
    if not line.startswith("#")
]
STD = Path(__file__).parent.parent.parent / "std"
MODULES = list(dict.fromkeys(row[0] for row in ROWS))


def declared(module: str) -> dict[str, tuple[str, str]]:
    """Return parameter types and result of each function that an import of the module brings."""
    sink = DiagnosticSink()
    program = load_program(STD / f"{module}.mlr", [STD.parent], sink)
    assert not sink.has_errors, sink.diagnostics()
    found: dict[str, tuple[str, str]] = {}
    for source in program.modules:
        for item in source.items:
            if isinstance(item, Extern) or (isinstance(item, Function) and item.receiver is None):
                types = ",".join(row.type.name for row in item.parameters) or "-"
                result = item.result.name if item.result is not None else "-"
                found[item.name.text] = (types, result)
    return found


@pytest.mark.parametrize("module", MODULES)
def test_signatures(module: str) -> None:
    found = declared(module)
    for _, name, types, result in (row for row in ROWS if row[0] == module):
        if name in BUILTINS:
            continue
        assert name in found, f"std/{module}.mlr has no {name}"
        assert found[name][0] == types, name
        if result != "-":
            assert found[name][1] == result, name
