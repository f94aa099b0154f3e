"""The C functions that LLVM may call by itself, as LLVM text: memcpy, memset, fma and their kin.

Each has its own section, so a program that needs none carries none. Sizes up to 64 bytes take a
head and a tail that may overlap; above, 64 bytes go per turn, unless the CPU has its own way to
fill. All loads of a move that could be overtaken by its stores come first. `no-builtins` keeps LLVM
from turning a function into a call of itself.
"""

from collections.abc import Callable

from mlrift.backends.llvm.machine_code import machine_code_body
from mlrift.backends.llvm.support_fma import FMA_TEXT
from mlrift.backends.llvm.target import STACK_PROBES, HostTarget

_VECTOR = "<2 x i64>"
_VECTOR_BYTES = 16
_BLOCK_BYTES = 64
# From here on a CPU's own way to fill is quicker than the loop.
_LONG_FILL_BYTES = 4096
_LONG_FILL = "ptr @memset.long(ptr %to, i32 %value, i64 %n)"
# Size classes up to 64 bytes: the pieces of each half.
_CLASSES = ((32, _VECTOR, 2), (16, _VECTOR, 1), (8, "i64", 1), (4, "i32", 1), (2, "i16", 1))
_PIECE_BYTES = {_VECTOR: 16, "i64": 8, "i32": 4, "i16": 2, "i8": 1}


def support_text(target: HostTarget) -> str:
    """Return the LLVM module with the helper functions of a CPU."""
    attributes = f'nounwind null_pointer_is_valid "no-builtins" {target.attributes}'
    functions = (
        _function("ptr @memcpy(ptr %to, ptr %from, i64 %n)", "memcpy", _memcpy),
        _function("ptr @memmove(ptr %to, ptr %from, i64 %n)", "memmove", _memmove),
        *_fills(target.long_fill),
        _function("i32 @memcmp(ptr %a, ptr %b, i64 %n)", "memcmp", _memcmp),
        _function("i32 @bcmp(ptr %a, ptr %b, i64 %n)", "bcmp", _bcmp),
    )
    return "\n".join(
        [
            'source_filename = "support"',
            f'target triple = "{target.cpu.triple}"',
            *functions,
            FMA_TEXT,
            "declare i64 @llvm.bswap.i64(i64)",
            f"attributes #0 = {{ {attributes} {STACK_PROBES} }}",
            f"attributes #1 = {{ {attributes} naked noinline }}",
            "",
        ]
    )


class _Code:
    """Lines of a function with fresh names."""

    def __init__(self) -> None:
        self.lines: list[str] = ["entry:"]
        self.count = 0

    def set(self, text: str) -> str:
        """Write `%x = text` and return the name."""
        self.count += 1
        self.lines.append(f"  %x{self.count} = {text}")
        return f"%x{self.count}"

    def put(self, *lines: str) -> None:
        """Write instructions and labels (which end in a colon)."""
        self.lines.extend([line if line.endswith(":") else f"  {line}" for line in lines])

    def at(self, base: str, offset: str | int) -> str:
        """Return the address `base` + `offset` bytes."""
        return base if offset == 0 else self.set(f"getelementptr i8, ptr {base}, i64 {offset}")

    def load(self, kind: str, base: str, offset: str | int = 0) -> str:
        """Load from `base` + `offset`."""
        return self.set(f"load {kind}, ptr {self.at(base, offset)}, align 1")

    def store(
        self, kind: str, value: str, base: str, offset: str | int = 0, align: int = 1
    ) -> None:
        """Store at `base` + `offset`."""
        self.put(f"store {kind} {value}, ptr {self.at(base, offset)}, align {align}")

    def if_below(self, value: str, limit: str | int, label: str, other: str) -> None:
        """Branch on an unsigned comparison and go on at `other`."""
        truth = self.set(f"icmp ult i64 {value}, {limit}")
        self.put(f"br i1 {truth}, label %{label}, label %{other}", f"{other}:")


def _function(head: str, name: str, body: Callable[[_Code], None]) -> str:
    code = _Code()
    body(code)
    lines = "\n".join(code.lines)
    return f'define hidden {head} #0 section ".text.{name}" {{\n{lines}\n}}'


def _small_copy(code: _Code) -> None:
    """Copy at most 64 bytes: per size class a head and a tail, all loaded before any store."""
    for smallest, kind, pieces in (*_CLASSES, (1, "i8", 1)):
        size = _PIECE_BYTES[kind]
        code.if_below("%n", smallest, f"below{smallest}", f"from{smallest}")
        offsets: list[str | int] = [index * size for index in range(pieces)]
        if smallest > 1:
            offsets += [code.set(f"sub i64 %n, {size * (index + 1)}") for index in range(pieces)]
        values = [code.load(kind, "%from", offset) for offset in offsets]
        for value, offset in zip(values, offsets, strict=True):
            code.store(kind, value, "%to", offset)
        code.put("ret ptr %to", f"below{smallest}:")
    code.put("ret ptr %to")


def _block_offsets() -> range:
    return range(0, _BLOCK_BYTES, _VECTOR_BYTES)


def _load_block(code: _Code, base: str, offset: str) -> list[str]:
    start = code.at(base, offset)
    return [code.load(_VECTOR, start, index) for index in _block_offsets()]


def _store_block(code: _Code, values: list[str], base: str, offset: str, align: int = 1) -> None:
    start = code.at(base, offset)
    for value, index in zip(values, _block_offsets(), strict=True):
        code.store(_VECTOR, value, start, index, align=align)


def _memcpy(code: _Code) -> None:
    """The destination is aligned for the loop: stores that cross a cache line cost twice."""
    code.if_below("%n", _BLOCK_BYTES + 1, "small", "large")
    first = code.load(_VECTOR, "%from")
    code.store(_VECTOR, first, "%to")
    address = code.set("ptrtoint ptr %to to i64")
    misaligned = code.set(f"and i64 {address}, {_VECTOR_BYTES - 1}")
    start = code.set(f"sub i64 {_VECTOR_BYTES}, {misaligned}")
    last = code.set(f"sub i64 %n, {_BLOCK_BYTES}")
    code.put("br label %check", "check:")
    code.put(f"%offset = phi i64 [ {start}, %large ], [ %next, %turn ]")
    code.if_below("%offset", last, "turn", "rest")
    _store_block(code, _load_block(code, "%from", last), "%to", last)
    code.put("ret ptr %to", "turn:")
    _store_block(code, _load_block(code, "%from", "%offset"), "%to", "%offset", _VECTOR_BYTES)
    code.put(f"%next = add i64 %offset, {_BLOCK_BYTES}", "br label %check", "small:")
    _small_copy(code)


def _memmove(code: _Code) -> None:
    """Forwards unless the destination begins inside the source; the far end is loaded first."""
    code.if_below("%n", _BLOCK_BYTES + 1, "small", "large")
    to, source = code.set("ptrtoint ptr %to to i64"), code.set("ptrtoint ptr %from to i64")
    distance = code.set(f"sub i64 {to}, {source}")
    last = code.set(f"sub i64 %n, {_BLOCK_BYTES}")
    code.if_below(distance, "%n", "backwards", "forwards")
    tail = _load_block(code, "%from", last)
    code.put("br label %check", "check:")
    code.put("%offset = phi i64 [ 0, %forwards ], [ %next, %turn ]")
    code.if_below("%offset", last, "turn", "rest")
    _store_block(code, tail, "%to", last)
    code.put("ret ptr %to", "turn:")
    _store_block(code, _load_block(code, "%from", "%offset"), "%to", "%offset")
    code.put(f"%next = add i64 %offset, {_BLOCK_BYTES}", "br label %check", "backwards:")
    head = _load_block(code, "%from", "0")
    code.put("br label %checkback", "checkback:")
    code.put("%end = phi i64 [ %n, %backwards ], [ %previous, %turnback ]")
    code.if_below("%end", _BLOCK_BYTES + 1, "restback", "turnback")
    code.put(f"%previous = sub i64 %end, {_BLOCK_BYTES}")
    _store_block(code, _load_block(code, "%from", "%previous"), "%to", "%previous")
    code.put("br label %checkback", "restback:")
    _store_block(code, head, "%to", "0")
    code.put("ret ptr %to", "small:")
    _small_copy(code)


def _fills(long_fill: bytes) -> list[str]:
    """Return memset, and the CPU's own way where there is one."""
    head = "ptr @memset(ptr %to, i32 %value, i64 %n)"
    if not long_fill:
        return [_function(head, "memset", _memset)]
    section = 'section ".text.memset.long"'
    own = f"define hidden {_LONG_FILL} #1 {section}{machine_code_body(long_fill, 'ptr')}"
    return [_function(head, "memset", _memset_with_long_fill), own]


def _memset_with_long_fill(code: _Code) -> None:
    code.if_below("%n", _LONG_FILL_BYTES, "short", "long")
    code.put(f"%filled = tail call {_LONG_FILL}", "ret ptr %filled", "short:")
    _memset(code)


def _memset(code: _Code) -> None:
    """Spread the byte over a word and a vector, then as for copies."""
    byte = code.set("and i32 %value, 255")
    wide = code.set(f"zext i32 {byte} to i64")
    word = code.set(f"mul i64 {wide}, {0x0101010101010101}")
    one = code.set(f"insertelement {_VECTOR} undef, i64 {word}, i64 0")
    vector = code.set(f"insertelement {_VECTOR} {one}, i64 {word}, i64 1")
    block = [vector] * (_BLOCK_BYTES // _VECTOR_BYTES)
    last = code.set(f"sub i64 %n, {_BLOCK_BYTES}")
    code.if_below("%n", _BLOCK_BYTES + 1, "small", "large")
    code.store(_VECTOR, vector, "%to")
    address = code.set("ptrtoint ptr %to to i64")
    misaligned = code.set(f"and i64 {address}, {_VECTOR_BYTES - 1}")
    start = code.set(f"sub i64 {_VECTOR_BYTES}, {misaligned}")
    code.put("br label %check", "check:")
    code.put(f"%offset = phi i64 [ {start}, %large ], [ %next, %turn ]")
    code.if_below("%offset", last, "turn", "rest")
    _store_block(code, block, "%to", last)
    code.put("ret ptr %to", "turn:")
    _store_block(code, block, "%to", "%offset", _VECTOR_BYTES)
    code.put(f"%next = add i64 %offset, {_BLOCK_BYTES}", "br label %check", "small:")
    for smallest, kind, pieces in (*_CLASSES, (1, "i8", 1)):
        size = _PIECE_BYTES[kind]
        value = vector
        if kind != _VECTOR:
            value = word if kind == "i64" else code.set(f"trunc i64 {word} to {kind}")
        code.if_below("%n", smallest, f"below{smallest}", f"from{smallest}")
        for index in range(pieces):
            code.store(kind, value, "%to", index * size)
            code.store(kind, value, "%to", code.set(f"sub i64 %n, {size * (index + 1)}"))
        code.put("ret ptr %to", f"below{smallest}:")
    code.put("ret ptr %to")


def _memcmp(code: _Code) -> None:
    """Eight bytes a turn, compared as big-endian numbers, then byte by byte."""
    code.put("br label %check", "check:")
    code.put("%offset = phi i64 [ 0, %entry ], [ %next, %same ]")
    left = code.set("sub i64 %n, %offset")
    code.if_below(left, 8, "bytes", "words")
    one, two = code.load("i64", "%a", "%offset"), code.load("i64", "%b", "%offset")
    code.put("%next = add i64 %offset, 8")
    equal = code.set(f"icmp eq i64 {one}, {two}")
    code.put(f"br i1 {equal}, label %same, label %differ", "same:", "br label %check", "differ:")
    first = code.set(f"call i64 @llvm.bswap.i64(i64 {one})")
    second = code.set(f"call i64 @llvm.bswap.i64(i64 {two})")
    less = code.set(f"icmp ult i64 {first}, {second}")
    result = code.set(f"select i1 {less}, i32 -1, i32 1")
    code.put(f"ret i32 {result}", "bytes:", "br label %checkbyte", "checkbyte:")
    code.put("%index = phi i64 [ %offset, %bytes ], [ %following, %samebyte ]")
    code.if_below("%index", "%n", "byte", "equal")
    code.put("ret i32 0", "byte:")
    low, high = code.load("i8", "%a", "%index"), code.load("i8", "%b", "%index")
    code.put("%following = add i64 %index, 1")
    same = code.set(f"icmp eq i8 {low}, {high}")
    code.put(f"br i1 {same}, label %samebyte, label %differbyte", "samebyte:")
    code.put("br label %checkbyte", "differbyte:")
    wide, other = code.set(f"zext i8 {low} to i32"), code.set(f"zext i8 {high} to i32")
    code.put(f"ret i32 {code.set(f'sub i32 {wide}, {other}')}")


def _bcmp(code: _Code) -> None:
    """Only equal or not matters."""
    code.put("%result = call i32 @memcmp(ptr %a, ptr %b, i64 %n)", "ret i32 %result")
