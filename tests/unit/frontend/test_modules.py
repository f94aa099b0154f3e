"""The import graph: order, identity, search order, failures. Files are a dictionary."""

import os
from collections.abc import Callable
from pathlib import Path

from mlrift.diagnostics.sink import DiagnosticSink
from mlrift.driver.modules import load_program
from mlrift.frontend import ast
from tests.unit.frontend.tree_text import tree_text


def reader(files: dict[str, str | bytes]) -> Callable[[str], bytes]:
    def read(path: str) -> bytes:
        path = os.path.normpath(path)
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        content = files[path]
        return content.encode() if isinstance(content, str) else content

    return read


def load(
    files: dict[str, str | bytes], root: str = "/p/main.mlr", roots: tuple[str, ...] = ()
) -> tuple[ast.Program, list[str]]:
    sink = DiagnosticSink()
    program = load_program(root, roots, sink, reader(files))
    rows = []
    for entry in sink.diagnostics():
        place = "" if entry.span is None else f"{entry.span.file.path}:{entry.span.line} "
        rows.append(f"{place}{entry.code} {entry.message}")
    return program, rows


def paths(program: ast.Program) -> list[str]:
    return [module.file.path for module in program.modules]


def test_depth_first_order_each_file_once() -> None:
    program, messages = load(
        {
            "/p/main.mlr": 'import "a.mlr" import "b.mlr" fn main() { } import "c.mlr"',
            "/p/a.mlr": 'import "c.mlr"; import "d/e.mlr"',
            "/p/b.mlr": 'import "a.mlr"',
            "/p/c.mlr": "",
            "/p/d/e.mlr": 'import "../c.mlr" import "f.mlr"',
            "/p/d/f.mlr": "",
        }
    )
    assert not messages
    assert paths(program) == [
        "/p/c.mlr",
        "/p/d/f.mlr",
        "/p/d/e.mlr",
        "/p/a.mlr",
        "/p/b.mlr",
        "/p/main.mlr",
    ]
    assert [module.file.is_library for module in program.modules] == [True] * 5 + [False]


def test_cycles_are_harmless_and_their_types_known() -> None:
    program, messages = load(
        {
            "/p/main.mlr": 'import "x/../a.mlr" import "main.mlr"',
            "/p/a.mlr": 'import "../p/b.mlr" struct A { u64 x } fn fa(B p) { B b = B { 1 } }',
            "/p/b.mlr": 'import "./a.mlr" struct B { u64 x } fn fb(A p) { A a = A { 1 } }',
        }
    )
    assert not messages
    assert paths(program) == ["/p/b.mlr", "/p/a.mlr", "/p/main.mlr"]


def test_types_of_later_files_are_not_known() -> None:
    program, messages = load(
        {
            "/p/main.mlr": 'import "a.mlr" struct n { u64 x } type A = n fn f() { A a = A { 1 } }',
            "/p/a.mlr": "fn g(u64 n) { while i < n { } }",
        }
    )
    assert not messages
    assert "While((i < n), {})" in tree_text(program.modules[0].items)


def test_search_order() -> None:
    files: dict[str, str | bytes] = {
        "/p/main.mlr": 'import "s/x.mlr"',
        "/p/s/x.mlr": "",
        "/r1/s/x.mlr": "",
        "/r2/s/x.mlr": "",
    }
    for expected in ("/p/s/x.mlr", "/r1/s/x.mlr", "/r2/s/x.mlr"):
        program, messages = load(files, roots=("/r1", "/r2/"))
        assert not messages
        assert paths(program)[0] == expected
        del files[expected]


def test_relative_paths_are_shown_as_written() -> None:
    program, messages = load(
        {"main.mlr": 'import "d/a.mlr"', "d/a.mlr": 'import "../b.mlr"', "b.mlr": "fn f( { }"},
        root="main.mlr",
    )
    assert paths(program) == ["b.mlr", "d/a.mlr", "main.mlr"]
    assert messages == ["b.mlr:1 E0201 expected a type, `)`, `,` or `[`, got symbol '{'"]


def test_missing_imports_are_all_reported_and_the_rest_goes_on() -> None:
    program, messages = load(
        {
            "/p/main.mlr": 'import "a.mlr"\nimport "gone.mlr"\nimport "nul\\0.mlr"\nfn f() { ] }',
            "/p/a.mlr": '\nimport "lost.mlr"',
        }
    )
    assert paths(program) == ["/p/a.mlr", "/p/main.mlr"]
    assert messages == [
        "/p/a.mlr:2 E0103 cannot open import: lost.mlr",
        "/p/main.mlr:2 E0103 cannot open import: gone.mlr",
        "/p/main.mlr:3 E0103 cannot open import: nul\0.mlr",
        "/p/main.mlr:4 E0201 expected a statement or `}`, got symbol ']'",
        "E0104 compilation aborted: one or more imports could not be opened",
    ]


def test_missing_root() -> None:
    program, messages = load({})
    assert program.modules == []
    assert messages == ["E0101 cannot open '/p/main.mlr': file not found"]


def test_bytes_that_are_not_utf8_are_kept() -> None:
    source = b'// caf\xe9\nfn f() -> u64 { return "\xff\xc3\xa9\xc3" }\n'
    program, messages = load({"/p/main.mlr": source})
    warning = "W0312 invalid UTF-8 in '/p/main.mlr': byte 0xE9 is kept as it is"
    assert messages == [f"/p/main.mlr:1 {warning}"]
    (function,) = program.modules[0].items
    assert isinstance(function, ast.Function)
    returned = function.body.statements[0]
    assert isinstance(returned, ast.Return)
    assert isinstance(returned.values[0], ast.StringLiteral)
    assert returned.values[0].data == b"\xff\xc3\xa9\xc3"


def test_stray_byte() -> None:
    _, messages = load({"/p/main.mlr": b"fn f() { }\n\xe9"})
    warning = "W0312 invalid UTF-8 in '/p/main.mlr': byte 0xE9 is kept as it is"
    error = "E0213 unexpected character byte 0xE9"
    assert messages == [f"/p/main.mlr:2 {warning}", f"/p/main.mlr:2 {error}"]


def test_long_import_chain() -> None:
    files: dict[str, str | bytes] = {
        f"/p/{number}.mlr": f'import "{number + 1}.mlr"' for number in range(3000)
    }
    files["/p/3000.mlr"] = ""
    program, messages = load(files, root="/p/0.mlr")
    assert not messages
    assert len(program.modules) == 3001


def test_real_files_folders_and_links(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.mlr").write_text("fn a() { }")
    (tmp_path / "sub" / "link.mlr").symlink_to(tmp_path / "a.mlr")
    root = tmp_path / "main.mlr"
    root.write_text('import "a.mlr" import "sub/link.mlr" import "sub" import "a.mlr/x"')
    sink = DiagnosticSink()
    program = load_program(root, [], sink)
    assert [Path(path).name for path in paths(program)] == ["a.mlr", "main.mlr"]
    rows = [entry for entry in sink.diagnostics() if entry.code == "E0103"]
    assert [row.message for row in rows] == [
        "cannot open import: sub",
        "cannot open import: a.mlr/x",
    ]
    assert rows[0].notes[0].endswith("is a directory")
    folder_sink = DiagnosticSink()
    load_program(tmp_path, [], folder_sink)
    assert folder_sink.diagnostics()[0].message == f"cannot open '{tmp_path}': is a directory"
