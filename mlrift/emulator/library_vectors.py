"""LLVM text of accesses of all lanes at once, and of their check for races.

The text is part of a function of `library_text.py`: it returns from it when everything is done, and
falls through to the loop over lanes when a lane needs a closer look. Invariant: then nothing has
been written.
"""

from mlrift.emulator.code import LANES, V1, V32, V64, Code, splat
from mlrift.emulator.layout import (
    VGPR_BYTES,
    Access,
    ContextOffset,
    WaveOffset,
)

_POINTERS = f"<{LANES} x ptr>"
_SHORT = {1: "i8", 2: "i16"}
_SPACES = frozenset(("global", "lds"))
_SEVERAL_WAVES, _WAVE_MASK = 127, 127

RACE_TABLE = f"""
define internal i64 @race.table(ptr %wave) {{
  %size.p = getelementptr i8, ptr %wave, i64 {WaveOffset.LDS_BYTES:d}
  %size = load i32, ptr %size.p
  %up = add i32 %size, 3
  %whole = and i32 %up, -4
  %bytes = zext i32 %whole to i64
  ret i64 %bytes
}}
"""
"""Bytes of one table of the race detector."""


def at_once(space: str, size_bytes: int, kind: Access) -> str:
    """Return what does an access for all lanes, if it can."""
    if space not in _SPACES or kind is Access.ATOMIC:
        return ""
    code = Code()
    code.label = "some"
    access = _Access(code, space, size_bytes, kind)
    if space == "global":
        access.in_order()
    if size_bytes >= 4:
        access.anywhere()
    return "\n".join(f"  {line}" for line in code.lines)


class _Access:
    """The text of one access under construction."""

    def __init__(self, code: Code, space: str, size_bytes: int, kind: Access) -> None:
        self.code = code
        self.space = space
        self.size_bytes = size_bytes
        self.kind = kind
        self.all = code.load(V64, "%addresses", 64)
        self.first, self.places, self.delta = self._bounds()

    def _bounds(self) -> tuple[str, str, str]:
        """Return the first address, how many places there are, and how far host memory is."""
        code = self.code
        if self.space == "global":
            start = code.load("i64", "%memory", 8)
            return start, code.load("i64", "%count.p", 8), code.load("i64", "%delta.p", 8)
        base = code.load("i64", code.address("%wave", WaveOffset.LDS), 8)
        size = code.load("i32", code.address("%wave", WaveOffset.LDS_BYTES))
        less = code.call("i32", "llvm.usub.sat.i32", f"i32 {size}", f"i32 {self.size_bytes - 1}")
        return "0", code.convert("zext", "i32", less, "i64"), base

    def _spread(self, value: str) -> str:
        return self.code.broadcast("i64", value)

    # -- one after the other, all 32 --

    def in_order(self) -> None:
        """Do accesses of 32 active lanes that follow each other as one."""
        code = self.code
        go_on = code.fresh("scattered")
        test, fast = code.fresh("test"), code.fresh("fast")
        code.branch_if(code.binary("icmp eq", "i32", "%mask", "-1"), test, go_on)
        code.start(test)
        first = code.value(f"extractelement {V64} {self.all}, i32 0")
        away = code.binary("sub", V64, self.all, self._spread(first))
        ladder = ", ".join(f"i64 {self.size_bytes * lane}" for lane in range(LANES))
        steps = code.binary("icmp eq", V64, away, f"<{ladder}>")
        offset = code.binary("sub", "i64", first, self.first)
        last = code.binary("add", "i64", offset, str(self.size_bytes * (LANES - 1)))
        fits = code.binary("icmp ult", "i64", offset, self.places)
        fits = code.binary("and", "i1", fits, code.binary("icmp ult", "i64", last, self.places))
        code.branch_if(code.binary("and", "i1", fits, self._all(steps)), fast, go_on)
        code.start(fast)
        host = code.binary("add", "i64", first, self.delta)
        run = code.convert("inttoptr", "i64", host, "ptr")
        if self.kind is Access.READ:
            self._load_run(run)
        else:
            self._store_run(run)
        code.do("ret i32 0")
        code.start(go_on)

    def _all(self, mask: str) -> str:
        code = self.code
        return code.binary("icmp eq", "i32", code.convert("bitcast", V1, mask, "i32"), "-1")

    def _row(self, number: int) -> str:
        return self.code.address("%data", VGPR_BYTES * number)

    def _load_run(self, run: str) -> None:
        code = self.code
        if self.size_bytes < 4:
            kind = f"<{LANES} x {_SHORT[self.size_bytes]}>"
            wide = code.convert("zext", kind, code.load(kind, run, 1), V32)
            code.store(V32, wide, self._row(0), 64)
            return
        count = self.size_bytes // 4
        whole = f"<{LANES * count} x i32>"
        found = code.load(whole, run, 1)
        for number in range(count):
            order = ", ".join(f"i32 {count * lane + number}" for lane in range(LANES))
            words = code.value(f"shufflevector {whole} {found}, {whole} poison, {V32} <{order}>")
            code.store(V32, words, self._row(number), 64)

    def _store_run(self, run: str) -> None:
        code = self.code
        if self.size_bytes < 4:
            kind = f"<{LANES} x {_SHORT[self.size_bytes]}>"
            new = code.convert("trunc", V32, code.load(V32, self._row(0), 64), kind)
            old = code.load(kind, run, 1)
            code.store(kind, new, run, 1)
            self._progress(code.binary("icmp ne", kind, old, new))
            return
        count = self.size_bytes // 4
        rows = [code.load(V32, self._row(number), 64) for number in range(count)]
        whole = f"<{LANES * count} x i32>"
        new = _interleaved(code, rows)
        old = code.load(whole, run, 1)
        code.store(whole, new, run, 1)
        differ = code.binary("icmp ne", whole, old, new)
        bits = code.convert("bitcast", f"<{LANES * count} x i1>", differ, f"i{LANES * count}")
        self._progress_bit(code.binary("icmp ne", f"i{LANES * count}", bits, "0"))

    def _progress(self, differ: str) -> None:
        code = self.code
        bits = code.convert("bitcast", V1, differ, "i32")
        self._progress_bit(code.binary("icmp ne", "i32", bits, "0"))

    def _progress_bit(self, changed: str) -> None:
        code = self.code
        more = code.convert("zext", "i1", changed, "i64")
        total = code.binary("add", "i64", code.load("i64", "%progress.p", 8), more)
        code.store("i64", total, "%progress.p", 8)

    # -- anywhere --

    def anywhere(self) -> None:
        """Do dword accesses of the active lanes, if all of them are where they may be."""
        code = self.code
        active = code.convert("bitcast", "i32", "%mask", V1)
        offsets = self.all
        if self.first != "0":
            offsets = code.binary("sub", V64, self.all, self._spread(self.first))
        inside = code.binary("icmp ult", V64, offsets, self._spread(self.places))
        outside = code.binary("xor", V1, inside, splat("i1", "true"))
        bad = code.binary("and", V1, active, outside)
        some = code.binary("icmp ne", "i32", code.convert("bitcast", V1, bad, "i32"), "0")
        go, slow = code.fresh("inside"), "slow"
        code.branch_if(some, slow, go)
        code.start(go)
        if self.space == "lds":
            self._check_races()
        hosts = code.binary("add", V64, self.all, self._spread(self.delta))
        for number in range(self.size_bytes // 4):
            self._one_dword(hosts, number, active)
        code.do("ret i32 0")
        code.start(code.fresh("never"))

    def _one_dword(self, hosts: str, number: int, active: str) -> None:
        code = self.code
        place = hosts
        if number:
            place = code.binary("add", V64, hosts, splat("i64", 4 * number))
        pointers = code.convert("inttoptr", V64, place, _POINTERS)
        old = gather(code, pointers, active)
        if self.kind is Access.READ:
            code.store(V32, old, self._row(number), 64)
            return
        new = code.load(V32, self._row(number), 64)
        scatter(code, new, pointers, active)
        differ = code.binary("icmp ne", V32, old, new)
        self._progress(code.binary("and", V1, differ, active))

    def _check_races(self) -> None:
        code = self.code
        shadow = code.load("ptr", code.address("%wave", WaveOffset.LDS_SHADOW), 8)
        check, fine = code.fresh("check"), code.fresh("free")
        code.branch_if(code.binary("icmp eq", "ptr", shadow, "null"), fine, check)
        code.start(check)
        found = code.call(
            "i32",
            f"races.{self.kind.name.lower()}.{self.size_bytes}",
            "ptr %wave",
            "ptr %context",
            f"ptr {shadow}",
            "i32 %mask",
            "i32 %site",
        )
        code.branch_if(code.binary("icmp ne", "i32", found, "0"), "slow", fine)
        code.start(fine)


def gather(code: Code, pointers: str, active: str) -> str:
    """Return a dword for each active lane; 0 for the others."""
    values = (f"{_POINTERS} {pointers}", "i32 1", f"{V1} {active}", f"{V32} zeroinitializer")
    return code.call(V32, "llvm.masked.gather.v32i32.v32p0", *values)


def scatter(code: Code, words: str, pointers: str, active: str) -> None:
    """Store a dword for each active lane, in their order."""
    values = (f"{V32} {words}", f"{_POINTERS} {pointers}", "i32 1", f"{V1} {active}")
    code.call_void("llvm.masked.scatter.v32i32.v32p0", *values)


def _interleaved(code: Code, rows: list[str]) -> str:
    """Return the dwords of all lanes, lane after lane."""
    count = len(rows)
    if count == 1:
        return rows[0]
    if count == 3:
        rows = [*rows, "poison"]
    pairs = [
        code.value(
            f"shufflevector {V32} {rows[n]}, {V32} {rows[n + 1]},"
            f" <64 x i32> <{', '.join(f'i32 {n}' for n in range(64))}>"
        )
        for n in range(0, len(rows), 2)
    ]
    if count == 2:
        order = ", ".join(f"i32 {lane + 32 * row}" for lane in range(32) for row in range(2))
        return code.value(
            f"shufflevector <64 x i32> {pairs[0]}, <64 x i32> poison, <64 x i32> <{order}>"
        )
    order = ", ".join(f"i32 {lane + 32 * row}" for lane in range(32) for row in range(count))
    return code.value(
        f"shufflevector <64 x i32> {pairs[0]}, <64 x i32> {pairs[1]},"
        f" <{32 * count} x i32> <{order}>"
    )


def race_function(name: str) -> str:
    """Return the text of `races.read.BYTES` or `races.write.BYTES`: 1 if a lane races.

    If no lane does, the tables remember the access.
    """
    _, kind, size = name.split(".")
    race = _Race(kind == "write")
    for number in range(int(size) // 4):
        race.check(number)
    body = "\n  ".join(race.code.lines)
    return f"""
define internal i32 @{name}(ptr %wave, ptr %context, ptr %shadow, i32 %mask, i32 %site) {{
entry:
  {body}
  ret i32 0
racing:
  ret i32 1
}}
"""


class _Race:
    """The check of an access, dword after dword."""

    def __init__(self, writes: bool) -> None:  # the name of the function says it
        self.code = code = Code()
        self.writes = writes
        self.active = code.convert("bitcast", "i32", "%mask", V1)
        place = code.address("%context", ContextOffset.ADDRESS)
        self.all = code.load(V64, place, 64)
        low = code.binary("and", V64, self.all, splat("i64", 3))
        self._leave_if(code.binary("icmp ne", V64, low, "zeroinitializer"))
        self.epoch = code.load("i32", code.address("%wave", WaveOffset.EPOCH))
        number = code.load("i32", code.address("%wave", WaveOffset.WAVE))
        self.me = code.binary("add", "i32", number, "1")
        self.base = code.binary("shl", "i32", self.epoch, "8")
        self.tag = code.broadcast("i32", code.binary("or", "i32", self.base, self.me))
        self.site = code.broadcast("i32", "%site")
        table_bytes = code.call("i64", "race.table", "ptr %wave")
        self.tables = ["%shadow"]
        for _ in range(3):
            self.tables.append(code.address(self.tables[-1], table_bytes))

    def _leave_if(self, lanes: str) -> None:
        code = self.code
        bad = code.binary("and", V1, lanes, self.active)
        some = code.binary("icmp ne", "i32", code.convert("bitcast", V1, bad, "i32"), "0")
        fine = code.fresh("fine")
        code.branch_if(some, "racing", fine)
        code.start(fine)

    def _places(self, table: int, bytes_: str) -> str:
        code = self.code
        base = code.convert("ptrtoint", "ptr", self.tables[table], "i64")
        whole = code.binary("add", V64, bytes_, code.broadcast("i64", base))
        return code.convert("inttoptr", V64, whole, _POINTERS)

    def _foreign(self, tags: str) -> str:
        """Return where another wave has been since the last barrier."""
        code = self.code
        epochs = code.binary("lshr", V32, tags, splat("i32", 8))
        now = code.binary("icmp eq", V32, epochs, code.broadcast("i32", self.epoch))
        who = code.binary("and", V32, tags, splat("i32", _WAVE_MASK))
        other = code.binary("icmp ne", V32, who, code.broadcast("i32", self.me))
        return code.binary("and", V1, now, other)

    def check(self, number: int) -> None:
        """Leave if the dword of a lane is raced for, else remember the access."""
        code = self.code
        bytes_ = code.binary("add", V64, self.all, splat("i64", 4 * number))
        writers = self._places(0, bytes_)
        self._leave_if(self._foreign(gather(code, writers, self.active)))
        readers = self._places(2, bytes_)
        foreign = self._foreign(gather(code, readers, self.active))
        if self.writes:
            self._leave_if(foreign)
            scatter(code, self.tag, writers, self.active)
            scatter(code, self.site, self._places(1, bytes_), self.active)
            return
        several = code.binary("or", "i32", self.base, str(_SEVERAL_WAVES))
        tags = code.select(foreign, V32, code.broadcast("i32", several), self.tag)
        scatter(code, tags, readers, self.active)
        scatter(code, self.site, self._places(3, bytes_), self.active)


VECTOR_DECLARATIONS = frozenset(
    (
        "declare <32 x i32> @llvm.masked.gather.v32i32.v32p0"
        "(<32 x ptr>, i32, <32 x i1>, <32 x i32>)",
        "declare void @llvm.masked.scatter.v32i32.v32p0(<32 x i32>, <32 x ptr>, i32, <32 x i1>)",
    )
)
"""What accesses of all lanes call."""

__all__ = ["RACE_TABLE", "VECTOR_DECLARATIONS", "at_once", "race_function"]
