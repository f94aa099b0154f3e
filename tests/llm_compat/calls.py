"""Calls of functions of the library with arrays of numpy, many in one run of a compiled program.

A program has a table of functions. `Calls` collects calls and the arrays they work on; `run` writes
them to a file, starts the program and reads the arrays back as the functions left them. Functions
with floats as results need a wrapper of the program's own that stores them.
"""

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for

WORDS = 20
MOST_ARGUMENTS = 18
ALIGNMENT = 64
TIMEOUT_SECONDS = 120
Array = npt.NDArray[np.generic]

_MAIN = """
static u64[{count}] functions

fn fill_in() {{
{table}
}}

fn run_call(u64 row, u64 memory) {{
    u64[18] a
    u64 addresses = load64(row + 8)
    for i in 0..18 {{
        a[i] = load64(row + 16 + i * 8)
        if bit_get(addresses, i) {{ a[i] = a[i] + memory }}
    }}
    call_ptr(
        functions[load64(row)],
        a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7],
        a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15], a[16], a[17]
    )
}}

fn main() {{
    fill_in()
    u64 arguments = os_arguments()
    u64 fd = file_open(load64(arguments + 8), 0)
    u64 size = file_size(fd)
    u64 file = alloc(size)
    u64 done = 0
    while done < size {{ done += file_read(fd, file + done, size - done) }}
    file_close(fd)
    u64 calls = load64(file)
    u64 bytes = load64(file + 8)
    u64 memory = alloc(bytes + 64)
    memory = memory + (64 - memory % 64)
    memcpy(memory, file + 16 + calls * 160, bytes)
    for i in 0..calls {{ run_call(file + 16 + i * 160, memory) }}
    fd = file_open(load64(arguments + 16), 1)
    done = 0
    while done < bytes {{ done += file_write(fd, memory + done, bytes - done) }}
    file_close(fd)
}}
"""


def compile_table(
    folder: Path, modules: Sequence[str], functions: Sequence[str], text: str = ""
) -> Path:
    """Return a program that can call these functions, of modules of std or of a text."""
    imports = "".join(f'import "std/{name}.mlr"\n' for name in modules)
    rows = "\n".join(
        f'    functions[{at}] = fn_addr("{name}")' for at, name in enumerate(functions)
    )
    main = _MAIN.format(count=len(functions), table=rows)
    return compile_for(folder, imports + text + main, LINUX_X86_64)


class Calls:
    """Calls to make and the memory they share."""

    def __init__(self, functions: Sequence[str]) -> None:
        """Start without calls of a table of functions."""
        self._functions = list(functions)
        self._rows: list[bytes] = []
        self._arrays: list[tuple[int, Array]] = []
        self._bytes = 0

    def array(self, values: Array) -> "Place":
        """Put a copy of an array into the memory."""
        at = self._bytes
        self._arrays.append((at, np.ascontiguousarray(values)))
        size = values.nbytes
        self._bytes += (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT + ALIGNMENT
        return Place(at, len(self._arrays) - 1)

    def room(self, count: int) -> "Place":
        """Make room for numbers that a function is to write; they are NaN before."""
        return self.array(np.full(count, np.nan, np.float32))

    def call(self, function: str, *arguments: "Place | int | np.float32 | np.float64") -> None:
        """Call a function: places become addresses, floats their bits."""
        words, addresses = [0] * MOST_ARGUMENTS, 0
        for at, value in enumerate(arguments):
            if isinstance(value, Place):
                words[at] = value.offset
                addresses |= 1 << at
            elif isinstance(value, np.float32 | np.float64):
                words[at] = int.from_bytes(value.tobytes(), "little")
            else:
                words[at] = value
        number = self._functions.index(function)
        self._rows.append(struct.pack(f"<{WORDS}Q", number, addresses, *words))

    def run(self, program: Path, folder: Path) -> "Memory":
        """Make the calls in a process of its own; return what they wrote."""
        blob = bytearray(self._bytes)
        for at, values in self._arrays:
            blob[at : at + values.nbytes] = values.tobytes()
        head = struct.pack("<QQ", len(self._rows), len(blob))
        (folder / "calls").write_bytes(head + b"".join(self._rows) + blob)
        words = [str(program), str(folder / "calls"), str(folder / "made")]
        done = subprocess.run(words, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
        assert done.returncode == 0, (done.returncode, done.stderr)
        return Memory((folder / "made").read_bytes(), self._arrays)


class Place:
    """Where an array is."""

    def __init__(self, offset: int, number: int) -> None:
        """Name an array of a `Calls`."""
        self.offset = offset
        self.number = number

    def plus(self, count_bytes: int) -> "Place":
        """Return the address so many bytes on."""
        return Place(self.offset + count_bytes, self.number)


class Memory:
    """The arrays after the calls."""

    def __init__(self, data: bytes, arrays: Sequence[tuple[int, Array]]) -> None:
        """Keep the memory a program wrote."""
        self._data = data
        self._arrays = arrays

    def of(self, place: Place) -> Array:
        """Return an array with the type and shape it had."""
        at, before = self._arrays[place.number]
        after = self._data[at : at + before.nbytes]
        return np.frombuffer(after, before.dtype).reshape(before.shape)

    def numbers(self, place: Place) -> npt.NDArray[np.float32]:
        """Return an array of f32."""
        return self.of(place).astype(np.float32, copy=False)
