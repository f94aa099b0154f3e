"""Words of a command line in; a Python module written and an exit status out."""

import argparse
import os
import sys
from pathlib import Path

from mlrift.bind.library_file import LibraryFileError, read_interface
from mlrift.bind.python_module import python_module
from mlrift.interface.model import InterfaceError

STATUS_FAILED = 1


def run(words: list[str]) -> int:
    """Write the module for a library; what goes wrong is one line on standard error."""
    options = _parser().parse_args(words)
    library = Path(options.library)
    output = Path(options.output) if options.output else _default_output(library)
    try:
        interface = read_interface(library.read_bytes())
    except OSError as error:
        return _fail(f"cannot read '{library}': {_reason(error)}")
    except (LibraryFileError, InterfaceError) as error:
        return _fail(f"'{library}': {error}")
    if output.exists() and os.path.samefile(output, library):
        return _fail(f"'{output}' is the library itself; give another name with -o")
    try:
        text = python_module(interface, library.name)
        output.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        return _fail(f"cannot write '{output}': {_reason(error)}")
    sys.stdout.write(f"{len(interface.functions)} functions -> {output}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlrift.bind",
        description="Write a Python module that uses a library made by `mlrc --emit=lib`.",
    )
    parser.add_argument("library", metavar="LIBRARY", help="the library: .so, .dylib or .dll")
    parser.add_argument("-o", dest="output", metavar="MODULE.py", help="where to write the module")
    return parser


def _default_output(library: Path) -> Path:
    """Return the module's name: `stats.py` beside nothing, in the current folder."""
    stem = library.name.partition(".")[0]
    name = stem.removeprefix("lib")
    if not name[:1].isalpha():
        name = stem
    return Path("".join(letter if letter.isalnum() else "_" for letter in name) + ".py")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _fail(message: str) -> int:
    sys.stderr.write(f"mlrift.bind: error: {message}\n")
    return STATUS_FAILED
