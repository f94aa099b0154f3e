"""The listing of `--emit=asm` (cli.md 2.2): LLVM's assembly text and its object in, a text out.

    ; x86_64 assembly listing of hello
    .section .boot,"ax",@progbits
    boot:
      0000: b8 03 00 00 00                  movl $3, %eax

LLVM writes the text and the object from the same module, so the instructions of the text are the
instructions of the object in order; walking both together gives every line its offset and bytes.
Offsets count from the start of a section. Bytes that the linker fills in are zero.
"""

import re
from collections.abc import Iterator

from mlrift.backends.errors import BackendError
from mlrift.backends.llvm.plain_names import plain_assembly
from mlrift.backends.llvm.target import HostTarget
from mlrift.ir.core import Module
from mlrift.link.objects import Binding, ObjectFile, Section, Symbol

_LABEL = re.compile(r'^("?)([^\s#]+)\1:')
_ALIGN = re.compile(r"^\t\.p2align\t(\d+)(?:, [^,]*(?:, (\d+))?)?")
_DATA_BYTES = {".byte": 1, ".short": 2, ".2byte": 2, ".word": 4, ".inst": 4, ".long": 4}
_DATA_BYTES |= {".4byte": 4, ".quad": 8, ".8byte": 8, ".xword": 8}
_TEXT_END = {".ascii": 0, ".asciz": 1}
_CHARACTER = re.compile(r"\\[0-7]{3}|\\.|[^\\]")
_BYTES_SHOWN = 30
_PADDING = "(padding)"


def write_listing(text: str, compiled: ObjectFile, module: Module, target: HostTarget) -> str:
    """Return the listing of every function of an object."""
    symbols = {_plain_name(row): row for row in compiled.symbols.values() if row.is_function}
    sections = {row.name: row.section for row in module.functions.values()}
    lines = [f"; {target.cpu.name} assembly listing of {module.name}"]
    shown = None
    for label, body in _functions(text):
        symbol = symbols.get(label)
        if symbol is None or symbol.section_index is None:
            continue
        name = plain_assembly(label)
        section = sections.get(name)
        if section != shown:
            lines.append(f'.section {section},"ax",@progbits' if section else ".text")
            shown = section
        lines.append(f"{name}:")
        place = _Place(compiled.sections[symbol.section_index], symbol, target)
        lines += [row for line in body for row in _listed(line, place)]
        place.check_end(name)
    return "\n".join(lines) + "\n"


class _Place:
    """Where the next instruction of a function is."""

    def __init__(self, section: Section, symbol: Symbol, target: HostTarget) -> None:
        self._code = section.data
        self._end = symbol.offset + symbol.size_bytes
        self._length = target.instruction_length
        self.position = symbol.offset

    def take(self, count: int) -> str:
        """Return `offset: bytes` of the next bytes and go behind them."""
        start, self.position = self.position, self.position + count
        return f"  {start:04x}: {self._code[start : self.position].hex(' '):{_BYTES_SHOWN}}"

    def take_instruction(self) -> str:
        """Return `offset: bytes` of the next instruction."""
        return self.take(self._length(self._code, self.position))

    def check_end(self, name: str) -> None:
        """Raise unless text and object agreed."""
        if self.position != self._end:
            raise BackendError(
                f"the listing of `{name}` ends at {self.position:#x}, its code at {self._end:#x}"
            )


def _plain_name(symbol: Symbol) -> str:
    """Return the name that LLVM gave: the reader numbers local symbols."""
    is_local = symbol.binding is Binding.LOCAL
    return symbol.name.rpartition(".")[0] if is_local else symbol.name


def _functions(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the label of each function and the lines up to its end."""
    label = ""
    body: list[str] = []
    for line in text.split("\n"):
        if label and line.startswith(".Lfunc_end"):
            yield label, body
            label = ""
        elif label:
            body.append(line)
        elif (match := _LABEL.match(line)) and not match[2].startswith(".L"):
            label, body = match[2], []


def _listed(line: str, place: _Place) -> list[str]:
    """Return the lines of a listing that stand for a line of assembly."""
    if not line.startswith("\t"):
        match = _LABEL.match(line)
        return [f"{match[2]}:"] if match else []
    if align := _ALIGN.match(line):
        padding = -place.position % (1 << int(align[1]))
        if not padding or (align[2] and padding > int(align[2])):
            return []
        return [f"{place.take(padding)}  {_PADDING}"]
    word, _, rest = line.strip().partition("\t")
    if word == ".zero":
        return [f"{place.take(int(rest))}  {word} {rest}"]
    count = _data_bytes(word, rest)
    if count:
        return [f"{place.take(count)}  {word} {rest}"]
    if not word or word[0] in ".#" or word.startswith("//"):
        return []
    mnemonic = " ".join(plain_assembly(line).split())
    return [f"{place.take_instruction()}  {mnemonic}"]


def _data_bytes(directive: str, rest: str) -> int:
    """Return how many bytes a directive puts into the code; 0 for one that puts none."""
    if directive in _DATA_BYTES:
        return _DATA_BYTES[directive] * (rest.count(",") + 1)
    if directive in _TEXT_END:
        return len(_CHARACTER.findall(rest)) - 2 + _TEXT_END[directive]
    return 0
