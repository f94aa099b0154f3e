"""`mlrc doc`: a source file, or a folder of them, in, reference pages out (docs/cli.md 1.14)."""

import sys
from pathlib import Path

import click

from mlrift.cli.environment import library_roots
from mlrift.cli.source_files import UnreadableSource, encode_source, read_source
from mlrift.cli.subcommand import STATUS_FAILED, carry_out
from mlrift.driver.artifacts import NewFile, Permission, is_same_file, write_files
from mlrift.driver.documentation.page import page_of, without_description
from mlrift.driver.documentation.reading import Reference, read_reference
from mlrift.driver.formatting import parse_source
from mlrift.driver.resources import standard_library_root
from mlrift.values import value

DOCUMENTATION = "///"
USAGE = """usage: mlrc doc FILE.mlr [-o PAGE.md]     print the page of a file, or write it
       mlrc doc FOLDER -o FOLDER          write a page for each file that has /// comments
       mlrc doc --check PATH [-o PAGE]    exit with 1 if a page is not up to date
"""


@value
class _Page:
    """A page that was made, and where it is to stand; None for standard output."""

    source: Path
    reference: Reference
    text: str
    output: Path | None


def write_pages(words: list[str]) -> int:
    """Carry out `mlrc doc` with these words; returns the exit status."""
    return carry_out(doc_command, "mlrc doc", words, USAGE)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("source", required=False, metavar="FILE.mlr")
@click.option("-o", "output", metavar="PAGE", help="Write the page here; of a folder, the folder.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a page would change.")
def doc_command(source: str | None, output: str | None, check: bool) -> int:
    """Print the reference page of FILE.mlr, made of its declarations and their comments."""
    if source is None:
        sys.stderr.write(USAGE)
        return 0
    pages = _pages(Path(source), Path(output) if output is not None else None)
    if check:
        return max([_check(page) for page in pages])
    if pages[0].output is None:
        sys.stdout.write(pages[0].text)
        return 0
    _write(pages)
    return 0


def _pages(source: Path, output: Path | None) -> list[_Page]:
    """Return the page of a file, or those of a folder's files that have documentation."""
    if not source.is_dir():
        if output is not None and output.is_dir():
            output /= f"{source.stem}.md"
        if output is not None and is_same_file(source, output):
            raise click.UsageError("the page would replace the source")
        return [_page(source, read_source(source), output)]
    if output is None:
        raise click.UsageError("pages of a folder need -o FOLDER")
    if output.is_file():
        raise click.UsageError(f"'{output}' is a file; pages of a folder need a folder")
    texts = {path: read_source(path) for path in sorted(source.rglob("*.mlr"))}
    pages = [
        _page(path, text, output / path.relative_to(source).with_suffix(".md"))
        for path, text in texts.items()
        if DOCUMENTATION in text
    ]
    if not pages:
        raise UnreadableSource(f"no .mlr file with {DOCUMENTATION} comments in '{source}'")
    return pages


def _page(source: Path, text: str, output: Path | None) -> _Page:
    roots = (*library_roots(), standard_library_root())
    parsed = parse_source(text, str(source), roots)
    reference = read_reference(_import_path(source), parsed.stream, parsed.module)
    return _Page(source, reference, page_of(reference), output)


def _import_path(source: Path) -> str:
    """Return how programs import a file: a module of std below it, any other by its name."""
    place, root = source.resolve(), standard_library_root()
    is_bundled = place.is_relative_to(root / "std")
    return place.relative_to(root).as_posix() if is_bundled else source.name


def _check(page: _Page) -> int:
    """Say what is missing on a page, and whether it is another one than the comments make."""
    missing = without_description(page.reference)
    for name in missing:
        sys.stderr.write(f"mlrc doc: {page.source}: no description of {name}\n")
    if page.output is None:
        return STATUS_FAILED if missing else 0
    there = read_source(page.output)
    if there == page.text:
        return STATUS_FAILED if missing else 0
    rows = zip(there.split("\n"), page.text.split("\n"), strict=False)
    line = next((number for number, (old, new) in enumerate(rows, 1) if old != new), None)
    place = f"first at line {line}" if line else "at its end"
    sys.stderr.write(f"mlrc doc: {page.output} is not up to date, {place}\n")
    return STATUS_FAILED


def _write(pages: list[_Page]) -> None:
    """Write pages all at once; missing folders are made."""
    files = []
    for page in pages:
        if page.output is not None:
            page.output.parent.mkdir(parents=True, exist_ok=True)
            files.append(NewFile(page.output, encode_source(page.text), Permission.PLAIN))
    write_files(files)
