"""`mlrc --emit-amdgpu-NAME=PATH` writes the code object of a kernel of the library, no more."""

import sys

from mlrift.cli.environment import cache_folder, library_roots
from mlrift.driver.build import build
from mlrift.driver.device.named_kernels import PREFIX, BadName, find_named_kernel
from mlrift.driver.device.selection import KernelWords, select_kernels
from mlrift.driver.options import CompileOptions
from mlrift.driver.selection import SelectionError, output_for_chip

_CHIPS = "--target-arch"
_ACCEPTED = ("--no-auto-teardown", "--target=amdgpu-native")
_STATUS_FAILED = 1


def write_named_kernels(words: list[str]) -> int:
    """Write the code object of every kernel that the words name; return the exit status."""
    try:
        kernels = [find_named_kernel(word) for word in words if word.startswith(PREFIX)]
        selection = select_kernels(KernelWords("co", None, None, None, _chips(words), False))
    except (BadName, SelectionError) as error:
        sys.stderr.write(f"mlrc: error: {error}\n")
        return _STATUS_FAILED
    for row in kernels:
        options = CompileOptions(
            source=row.source,
            output=output_for_chip(row.output, selection),
            product=selection.product,
            targets=selection.targets,
            library_roots=library_roots(),
            cache_folder=cache_folder(),
            chips=selection.chips,
            only_kernel=row.kernel,
        )
        status = build(options)
        if status != 0:
            return status
    return 0


def _chips(words: list[str]) -> str | None:
    """Return the value of `--target-arch`; other words do not go with named kernels."""
    found: str | None = None
    rest = iter(words)
    for word in rest:
        option, equals, text = word.partition("=")
        if option == _CHIPS:
            found = text if equals else next(rest, "")
        elif not word.startswith(PREFIX) and word not in _ACCEPTED:
            raise SelectionError(f"'{word}' does not go with {PREFIX}NAME; leave it out")
    return found
