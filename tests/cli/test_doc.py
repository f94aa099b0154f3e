"""`mlrc doc`: what is on a page and where it is written."""

from pathlib import Path

import pytest

from tests.harness.compiler import run_mlrc

MARKED = """// Counts things.
//
// Second paragraph.

import "std/fb.mlr"

const u64 PRIVATE = 1

/// The most there can be.
const u64 MOST = 10  // ten
const u64 LEAST = 1
const u64 NOT_JOINED = 1 + 2; // a note
static u64 other

// A note for readers of the source.

// ---- counting ----

/// Text of the section.

// internal
/// Adds one; `n` may be 0.
///
/// ```mlr
/// fn main() {}
/// ```
// internal, too
@export
fn count_up(
    u64 n, u64 by
) -> u64 { return n + by }

fn hidden() { }

/// What a counter is.
struct Counter {
    u64 n  // how many
}

/// Counts.
fn Counter.next(Counter self) -> u64 { return self.n }

/// The end.
"""
MARKED_PAGE = """# `m.mlr`: counts things

Second paragraph.

### `MOST` `LEAST` `NOT_JOINED` `other`

```text
const u64 MOST = 10  // ten
const u64 LEAST = 1
const u64 NOT_JOINED = 1 + 2  // a note
static u64 other
```

The most there can be.

## Counting

Text of the section.

### `count_up`

```text
@export
fn count_up(
    u64 n, u64 by
) -> u64
```

Adds one; `n` may be 0.

```mlr
fn main() {}
```

### `Counter`

```text
struct Counter {
    u64 n  // how many
}
```

What a counter is.

### `Counter.next`

```text
fn Counter.next(Counter self) -> u64
```

Counts.

The end.

<!-- made by mlrc doc from m.mlr -->
"""
PLAIN = """// Doubles.

// Twice n.
fn twice(u64 n) -> u64 { return n * 2 }

fn thrice(u64 n) -> u64 { return n * 3 }

fn _helper() { }

fn main() { }
"""
PLAIN_PAGE = """# `p.mlr`: doubles

### `twice`

```text
fn twice(u64 n) -> u64
```

Twice n.

### `thrice`

```text
fn thrice(u64 n) -> u64
```

<!-- made by mlrc doc from p.mlr -->
"""


def test_page_of_marked_comments() -> None:
    Path("m.mlr").write_text(MARKED)
    assert run_mlrc(["doc", "m.mlr"]) == (0, MARKED_PAGE, "")


def test_page_of_a_file_without_marked_comments() -> None:
    Path("p.mlr").write_text(PLAIN)
    assert run_mlrc(["doc", "p.mlr"]) == (0, PLAIN_PAGE, "")


@pytest.mark.parametrize(
    ("text", "subject", "rest"),
    [
        ("", "", ""),
        ("// Only a comment.\n", ": only a comment", ""),
        ("// No sentence\n", "", "No sentence\n\n"),
        ("// HTML pages. More.\n//\n// Yet more.\n", ": HTML pages", "More.\n\nYet more.\n\n"),
        ("// Of it.\nfn f() { }\n", "", "### `f`\n\n```text\nfn f()\n```\n\nOf it.\n\n"),
        ('// Top.\nimport "std/fb.mlr"\n', ": top", ""),
        ("/* block */ fn f() { }", "", "### `f`\n\n```text\nfn f()\n```\n\n"),
    ],
    ids=["empty", "comment", "no sentence", "paragraphs", "function", "import", "block comment"],
)
def test_small_files(text: str, subject: str, rest: str) -> None:
    Path("s.mlr").write_text(text)
    page = f"# `s.mlr`{subject}\n\n{rest}<!-- made by mlrc doc from s.mlr -->\n"
    assert run_mlrc(["doc", "s.mlr"]) == (0, page, "")


def test_line_ends_of_the_source_do_not_matter() -> None:
    Path("m.mlr").write_bytes(MARKED.replace("\n", "\r\n").encode())
    assert run_mlrc(["doc", "m.mlr"]) == (0, MARKED_PAGE, "")


def test_page_is_written_and_checked() -> None:
    Path("m.mlr").write_text(MARKED)
    assert run_mlrc(["doc", "m.mlr", "-o", "pages/m.md"]) == (0, "", "")
    assert Path("pages/m.md").read_text() == MARKED_PAGE
    assert run_mlrc(["doc", "--check", "m.mlr", "-o", "pages/m.md"]) == (0, "", "")
    Path("m.mlr").write_text(MARKED.replace("Adds one", "Adds two"))
    status, out, err = run_mlrc(["doc", "--check", "m.mlr", "-o", "pages/m.md"])
    assert (status, out) == (1, "")
    assert err == "mlrc doc: pages/m.md is not up to date, first at line 29\n"
    assert Path("pages/m.md").read_text() == MARKED_PAGE


def test_check_names_what_has_no_description() -> None:
    Path("p.mlr").write_text(PLAIN)
    expected = "mlrc doc: p.mlr: no description of thrice\n"
    assert run_mlrc(["doc", "--check", "p.mlr"]) == (1, "", expected)


def test_folder_has_a_page_for_each_marked_file() -> None:
    Path("lib/deep").mkdir(parents=True)
    Path("lib/deep/m.mlr").write_text(MARKED)
    Path("lib/p.mlr").write_text(PLAIN)
    assert run_mlrc(["doc", "lib", "-o", "pages"]) == (0, "", "")
    assert [str(path) for path in Path("pages").rglob("*.md")] == ["pages/deep/m.md"]
    assert run_mlrc(["doc", "--check", "lib", "-o", "pages"]) == (0, "", "")


def test_a_program_with_mistakes_leaves_the_page_alone() -> None:
    Path("m.mlr").write_text("fn f( {")
    Path("m.md").write_text("old")
    status, out, err = run_mlrc(["doc", "m.mlr", "-o", "m.md"])
    assert (status, out) == (1, "")
    assert "m.mlr:1:" in err
    assert Path("m.md").read_text() == "old"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.mlr"], "cannot open 'none.mlr': file not found"),
        (["--check", "p.mlr", "-o", "none.md"], "cannot open 'none.md': file not found"),
        (["lib"], "pages of a folder need -o FOLDER"),
        (["lib", "-o", "p.mlr"], "'p.mlr' is a file; pages of a folder need a folder"),
        (["lib", "-o", "pages"], "no .mlr file with /// comments in 'lib'"),
        (["p.mlr", "q.mlr"], "unexpected extra argument"),
        (["p.mlr", "-o", "p.mlr"], "the page would replace the source"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_on_the_command_line(words: list[str], message: str) -> None:
    Path("p.mlr").write_text(PLAIN)
    Path("lib").mkdir()
    status, out, err = run_mlrc(["doc", *words])
    assert (status, out) == (1, "")
    assert message.lower() in err.lower()
    assert "Traceback" not in err
    assert Path("p.mlr").read_text() == PLAIN


def test_without_a_file_it_says_how_it_is_used() -> None:
    status, _, err = run_mlrc(["doc"])
    assert status == 0
    assert err.startswith("usage: mlrc doc")
