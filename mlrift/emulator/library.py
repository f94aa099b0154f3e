"""Functions that translated code calls, as LLVM text made on demand.

A name says what a function does: `load.global.4` loads dwords a lane from global memory. Addresses
are taken from the context's lane array, data from and to its register rows. Functions on memory
return 0, or 1 after they have described a fault in the context. Invariant: no host memory is
touched that is not inside a mapped range, the group's LDS or the lane's private memory.
"""

import re
from collections.abc import Callable
from functools import cache

from mlrift.emulator.atomics import atomic_function
from mlrift.emulator.layout import (
    ContextOffset,
    FaultCode,
    RangeOffset,
    SiteOffset,
    WaveOffset,
)
from mlrift.emulator.library_counts import COUNTS
from mlrift.emulator.library_lanes import lane_function, mapped_function
from mlrift.emulator.library_text import access_function
from mlrift.emulator.library_vectors import RACE_TABLE, race_function
from mlrift.emulator.matrix_library import matrix_function
from mlrift.emulator.special_sources import PRIVATE_APERTURE, SHARED_APERTURE

_NAME = re.compile(r"@([a-z]+\.[\w.]+)\(")

_FAULT = f"""
define internal void @fault.set(ptr %context, i32 %code, i32 %site, i32 %lane, i64 %bytes,
    i64 %address, i32 %detail) {{
  %p0 = getelementptr i8, ptr %context, i64 {ContextOffset.FAULT:d}
  store i32 %code, ptr %p0
  %p1 = getelementptr i8, ptr %context, i64 {ContextOffset.FAULT_SITE:d}
  store i32 %site, ptr %p1
  %p2 = getelementptr i8, ptr %context, i64 {ContextOffset.FAULT_LANE:d}
  store i32 %lane, ptr %p2
  %short = trunc i64 %bytes to i32
  %p3 = getelementptr i8, ptr %context, i64 {ContextOffset.FAULT_BYTES:d}
  store i32 %short, ptr %p3
  %p4 = getelementptr i8, ptr %context, i64 {ContextOffset.FAULT_ADDRESS:d}
  store i64 %address, ptr %p4
  %p5 = getelementptr i8, ptr %context, i64 {ContextOffset.FAULT_DETAIL:d}
  store i32 %detail, ptr %p5
  ret void
}}
"""

_PARAMETERS = "ptr %wave, ptr %context, i64 %address, i64 %bytes, i32 %site, i32 %write, i32 %lane"
_ARGUMENTS = _PARAMETERS.replace("%address", "{address}")

_HOST_GLOBAL = f"""
define internal ptr @host.global({_PARAMETERS}) {{
entry:
  %table.p = getelementptr i8, ptr %context, i64 {ContextOffset.RANGES:d}
  %table = load ptr, ptr %table.p
  %count.p = getelementptr i8, ptr %context, i64 {ContextOffset.RANGE_COUNT:d}
  %count = load i64, ptr %count.p
  %some = icmp ne i64 %count, 0
  br i1 %some, label %head, label %outside
head:
  %i = phi i64 [ 0, %entry ], [ %i.next, %next ]
  %row.at = mul i64 %i, {RangeOffset.BYTES:d}
  %row = getelementptr i8, ptr %table, i64 %row.at
  %start = load i64, ptr %row
  %end.p = getelementptr i8, ptr %row, i64 {RangeOffset.END:d}
  %end = load i64, ptr %end.p
  %size = sub i64 %end, %start
  %offset = sub i64 %address, %start
  %inside = icmp ult i64 %offset, %size
  %room = sub i64 %size, %offset
  %fits = icmp ule i64 %bytes, %room
  %good = and i1 %inside, %fits
  br i1 %good, label %found, label %next
next:
  %i.next = add i64 %i, 1
  %more = icmp ult i64 %i.next, %count
  br i1 %more, label %head, label %outside
outside:
  call void @fault.set(ptr %context, i32 {FaultCode.OUT_OF_BOUNDS:d}, i32 %site,
    i32 %lane, i64 %bytes, i64 %address, i32 %write)
  ret ptr null
found:
  %writable.p = getelementptr i8, ptr %row, i64 {RangeOffset.WRITABLE:d}
  %writable = load i64, ptr %writable.p
  %locked = icmp eq i64 %writable, 0
  %writes = icmp ne i32 %write, 0
  %denied = and i1 %locked, %writes
  br i1 %denied, label %refuse, label %use
refuse:
  call void @fault.set(ptr %context, i32 {FaultCode.READ_ONLY:d}, i32 %site,
    i32 %lane, i64 %bytes, i64 %address, i32 %write)
  ret ptr null
use:
  %delta.p = getelementptr i8, ptr %row, i64 {RangeOffset.DELTA:d}
  %delta = load i64, ptr %delta.p
  %host = add i64 %address, %delta
  %pointer = inttoptr i64 %host to ptr
  %sites.p = getelementptr i8, ptr %context, i64 {ContextOffset.SITES:d}
  %sites = load ptr, ptr %sites.p
  %site64 = zext i32 %site to i64
  %site.at = mul i64 %site64, {SiteOffset.BYTES:d}
  %memory = getelementptr i8, ptr %sites, i64 %site.at
  store i64 %start, ptr %memory
  %less = sub i64 %size, %bytes
  %places = add i64 %less, 1
  %places.p = getelementptr i8, ptr %memory, i64 {SiteOffset.COUNT:d}
  store i64 %places, ptr %places.p
  %delta.m = getelementptr i8, ptr %memory, i64 {SiteOffset.DELTA:d}
  store i64 %delta, ptr %delta.m
  ret ptr %pointer
}}
"""

_HOST_SCRATCH = f"""
define internal ptr @host.scratch({_PARAMETERS}) {{
  %base.p = getelementptr i8, ptr %wave, i64 {WaveOffset.SCRATCH:d}
  %base = load ptr, ptr %base.p
  %size.p = getelementptr i8, ptr %wave, i64 {WaveOffset.SCRATCH_BYTES:d}
  %size32 = load i32, ptr %size.p
  %size = zext i32 %size32 to i64
  %set.p = getelementptr i8, ptr %wave, i64 {WaveOffset.FLAT_SCRATCH:d}
  %set = load i64, ptr %set.p
  %wanted.p = getelementptr i8, ptr %wave, i64 {WaveOffset.SCRATCH_OFFSET:d}
  %wanted = load i64, ptr %wanted.p
  %ready = icmp eq i64 %set, %wanted
  br i1 %ready, label %check, label %unset
unset:
  call void @fault.set(ptr %context, i32 {FaultCode.SCRATCH_NOT_SET_UP:d}, i32 %site,
    i32 %lane, i64 %bytes, i64 %address, i32 %write)
  ret ptr null
check:
  %inside = icmp ult i64 %address, %size
  %room = sub i64 %size, %address
  %fits = icmp ule i64 %bytes, %room
  %good = and i1 %inside, %fits
  br i1 %good, label %use, label %outside
outside:
  call void @fault.set(ptr %context, i32 {FaultCode.SCRATCH_OUT_OF_BOUNDS:d}, i32 %site,
    i32 %lane, i64 %bytes, i64 %address, i32 %write)
  ret ptr null
use:
  %lane64 = zext i32 %lane to i64
  %before = mul i64 %lane64, %size
  %offset = add i64 %before, %address
  %pointer = getelementptr i8, ptr %base, i64 %offset
  ret ptr %pointer
}}
"""

_HOST_LDS = f"""
define internal ptr @host.lds({_PARAMETERS}) {{
  %base.p = getelementptr i8, ptr %wave, i64 {WaveOffset.LDS:d}
  %base = load ptr, ptr %base.p
  %size.p = getelementptr i8, ptr %wave, i64 {WaveOffset.LDS_BYTES:d}
  %size32 = load i32, ptr %size.p
  %size = zext i32 %size32 to i64
  %inside = icmp ult i64 %address, %size
  %room = sub i64 %size, %address
  %fits = icmp ule i64 %bytes, %room
  %good = and i1 %inside, %fits
  br i1 %good, label %use, label %outside
outside:
  call void @fault.set(ptr %context, i32 {FaultCode.LDS_OUT_OF_BOUNDS:d}, i32 %site,
    i32 %lane, i64 %bytes, i64 %address, i32 %write)
  ret ptr null
use:
  %pointer = getelementptr i8, ptr %base, i64 %address
  %shadow.p = getelementptr i8, ptr %wave, i64 {WaveOffset.LDS_SHADOW:d}
  %shadow = load ptr, ptr %shadow.p
  %untracked = icmp eq ptr %shadow, null
  %short = icmp ult i64 %bytes, 4
  %skip = or i1 %untracked, %short
  br i1 %skip, label %done, label %track
done:
  ret ptr %pointer
track:
  %raced = call i32 @race.check(ptr %wave, ptr %context, ptr %shadow, i64 %address,
    i64 %bytes, i32 %site, i32 %write, i32 %lane)
  %bad = icmp ne i32 %raced, 0
  br i1 %bad, label %race, label %done
race:
  ret ptr null
}}
"""

# A tag is the epoch (number of barriers passed + 1) times 256, plus 128 for an atomic, plus the
# wave's number + 1; 127 is "several waves". There are four tables with a dword for each of LDS:
# writer's tag and site, reader's tag and site.
_RACE_CHECK = f"""
define internal i32 @race.check(ptr %wave, ptr %context, ptr %shadow, i64 %address,
    i64 %bytes, i32 %site, i32 %write, i32 %lane) {{
entry:
  %epoch.p = getelementptr i8, ptr %wave, i64 {WaveOffset.EPOCH:d}
  %epoch = load i32, ptr %epoch.p
  %table.bytes = call i64 @race.table(ptr %wave)
  %number.p = getelementptr i8, ptr %wave, i64 {WaveOffset.WAVE:d}
  %number = load i32, ptr %number.p
  %me = add i32 %number, 1
  %base = shl i32 %epoch, 8
  %is.atomic = icmp eq i32 %write, 2
  %flag = select i1 %is.atomic, i32 128, i32 0
  %tag.flagged = or i32 %base, %flag
  %tag = or i32 %tag.flagged, %me
  %writes = icmp ne i32 %write, 0
  %first = lshr i64 %address, 2
  %last.byte = add i64 %address, %bytes
  %last.less = sub i64 %last.byte, 1
  %last = lshr i64 %last.less, 2
  br label %head
head:
  %at = phi i64 [ %first, %entry ], [ %following, %next ]
  %row = getelementptr i32, ptr %shadow, i64 %at
  %writer = load i32, ptr %row
  %w.site.p = getelementptr i8, ptr %row, i64 %table.bytes
  %w.site = load i32, ptr %w.site.p
  %reader.p = getelementptr i8, ptr %w.site.p, i64 %table.bytes
  %reader = load i32, ptr %reader.p
  %r.site.p = getelementptr i8, ptr %reader.p, i64 %table.bytes
  %r.site = load i32, ptr %r.site.p
  %w.epoch = lshr i32 %writer, 8
  %w.now = icmp eq i32 %w.epoch, %epoch
  %w.who = and i32 %writer, 127
  %w.other = icmp ne i32 %w.who, %me
  %w.conflict0 = and i1 %w.now, %w.other
  %w.flag = and i32 %writer, 128
  %w.atomic = icmp ne i32 %w.flag, 0
  %both.atomic = and i1 %w.atomic, %is.atomic
  %not.both = xor i1 %both.atomic, true
  %w.conflict = and i1 %w.conflict0, %not.both
  br i1 %w.conflict, label %race, label %readers
readers:
  %r.epoch = lshr i32 %reader, 8
  %r.now = icmp eq i32 %r.epoch, %epoch
  %r.who = and i32 %reader, 127
  %r.other = icmp ne i32 %r.who, %me
  %r.foreign = and i1 %r.now, %r.other
  br i1 %writes, label %writing, label %reading
writing:
  br i1 %r.foreign, label %race, label %note
note:
  store i32 %tag, ptr %row
  store i32 %site, ptr %w.site.p
  br label %next
reading:
  %several = or i32 %base, 127
  %mark = select i1 %r.foreign, i32 %several, i32 %tag
  store i32 %mark, ptr %reader.p
  store i32 %site, ptr %r.site.p
  br label %next
next:
  %following = add i64 %at, 1
  %more = icmp ule i64 %following, %last
  br i1 %more, label %head, label %fine
fine:
  ret i32 0
race:
  %other = phi i32 [ %w.site, %head ], [ %r.site, %writing ]
  %byte = shl i64 %at, 2
  call void @fault.set(ptr %context, i32 {FaultCode.LDS_RACE:d}, i32 %site,
    i32 %lane, i64 %bytes, i64 %byte, i32 %other)
  ret i32 1
}}
"""

_HOST_FLAT = f"""
define internal ptr @host.flat({_PARAMETERS}) {{
  %high = lshr i64 %address, 32
  %low = and i64 %address, 4294967295
  %shared = icmp eq i64 %high, {SHARED_APERTURE}
  br i1 %shared, label %lds, label %other
lds:
  %p0 = call ptr @host.lds({_ARGUMENTS.format(address="%low")})
  ret ptr %p0
other:
  %private = icmp eq i64 %high, {PRIVATE_APERTURE}
  br i1 %private, label %scratch, label %global
scratch:
  %p1 = call ptr @host.scratch({_ARGUMENTS.format(address="%low")})
  ret ptr %p1
global:
  %p2 = call ptr @host.global({_ARGUMENTS.format(address="%address")})
  ret ptr %p2
}}
"""

# All lanes of a wave share one address: no lane, and the range that the site hit last first.
_HOST_SCALAR = """
define internal ptr @host.scalar(
    ptr %wave, ptr %context, i64 %address, i64 %bytes, i32 %site) {
  call void @count.scalar(ptr %context, i32 %site, i64 %bytes)
  %host = call ptr @host.global(ptr %wave, ptr %context, i64 %address, i64 %bytes,
    i32 %site, i32 0, i32 -1)
  ret ptr %host
}
"""

_FIXED = {
    "fault.set": _FAULT,
    "host.global": _HOST_GLOBAL,
    "host.scratch": _HOST_SCRATCH,
    "host.lds": _HOST_LDS,
    "host.flat": _HOST_FLAT,
    "host.scalar": _HOST_SCALAR,
    "race.check": _RACE_CHECK,
    "race.table": RACE_TABLE,
    **COUNTS,
}

_MAKERS: dict[str, Callable[[str], str]] = {
    "races": race_function,
    "load": access_function,
    "store": access_function,
    "atomic": atomic_function,
    "lane": lane_function,
    "map": mapped_function,
    "matrix": matrix_function,
}


_HEAD = re.compile(r"define (.+?) @[\w.]+\((.*?)\) \{", re.DOTALL)


@cache
def definition_of(name: str) -> str:
    """Return the text of a function."""
    text = _FIXED.get(name) or _MAKERS[name.partition(".")[0]](name)
    return text.replace("define internal", "define")


def names_called(text: str) -> list[str]:
    """Return the functions of the library that a text calls or defines."""
    return [found for found in _NAME.findall(text) if not found.startswith("llvm.")]


@cache
def declaration_of(name: str) -> str:
    """Return what a module needs that calls a function of another module."""
    found = _HEAD.search(definition_of(name))
    if found is None:
        raise ValueError(f"the text of {name} has no head")
    parameters = re.sub(r"\s*%[\w.]+", "", found[2])
    return f"declare {found[1]} @{name}({parameters})"
