"""LLVM text of loads and stores a lane: `load.SPACE.BYTES` and `store.SPACE.BYTES`.

SPACE is global, lds, scratch or flat. Addresses come from the context's lane array, data goes
through its register rows: element d of lane l is in row d, column l. Loads of 1 and 2 bytes give
zero-extended dwords. The functions return 1 after a fault.
"""

from mlrift.emulator.layout import VGPR_BYTES, Access, ContextOffset, SiteOffset
from mlrift.emulator.library_vectors import at_once

_SITE_PROLOGUE = f"""
  %sites.p = getelementptr i8, ptr %context, i64 {ContextOffset.SITES:d}
  %sites = load ptr, ptr %sites.p
  %site64 = zext i32 %site to i64
  %site.at = mul i64 %site64, {SiteOffset.BYTES:d}
  %memory = getelementptr i8, ptr %sites, i64 %site.at
  %count.p = getelementptr i8, ptr %memory, i64 {SiteOffset.COUNT:d}
  %delta.p = getelementptr i8, ptr %memory, i64 {SiteOffset.DELTA:d}
"""
"""What finds the row of the memory site."""

_ELEMENT = {1: "i8", 2: "i16"}


def lane_loop(name: str, body: str, size_bytes: int, kind: Access) -> str:
    """Return a function that runs `body` for each active lane, with `%host` its memory.

    Loads and stores of whole dwords are done for all lanes at once where nothing speaks against
    it; the loop finds what does, and does the rest.
    """
    space = name.split(".")[1]
    prologue = _SITE_PROLOGUE if space == "global" else ""
    counter = "lds" if space == "lds" else "global"
    count = ""
    if space != "scratch":
        count = (
            f"  call void @count.{counter}(ptr %context, i32 %mask, i32 %site, i64 {size_bytes})"
        )
    arguments = (
        f"ptr %wave, ptr %context, i64 %address, i64 {size_bytes}, i32 %site, i32 {kind:d}, "
        "i32 %lane"
    )
    return f"""
define internal i32 @{name}(ptr %wave, ptr %context, i32 %mask, i32 %site) {{
entry:
{count}
  %addresses = getelementptr i8, ptr %context, i64 {ContextOffset.ADDRESS:d}
  %data = getelementptr i8, ptr %context, i64 {ContextOffset.DATA:d}
  %progress.p = getelementptr i8, ptr %context, i64 {ContextOffset.PROGRESS:d}
{prologue}
  %idle = icmp eq i32 %mask, 0
  br i1 %idle, label %done, label %some
some:
{at_once(space, size_bytes, kind)}
  br label %slow
slow:
  br label %head
head:
  %left = phi i32 [ %mask, %slow ], [ %rest, %next ]
  %lane = call i32 @llvm.cttz.i32(i32 %left, i1 true)
  %lane64 = zext i32 %lane to i64
  %address.p = getelementptr i64, ptr %addresses, i64 %lane64
  %address = load i64, ptr %address.p
{_find_host(space, arguments)}
work:
{_host_value(space)}
  %column = getelementptr i32, ptr %data, i64 %lane64
{body}
  br label %next
next:
  %minus = add i32 %left, -1
  %rest = and i32 %left, %minus
  %more = icmp ne i32 %rest, 0
  br i1 %more, label %head, label %done
done:
  ret i32 0
fault:
  ret i32 1
}}
"""


def _find_host(space: str, arguments: str) -> str:
    """Return what finds the memory of a lane; for global memory, quickly where it hit last."""
    if space != "global":
        return f"""
  %host = call ptr @host.{space}({arguments})
  %bad = icmp eq ptr %host, null
  br i1 %bad, label %fault, label %work
"""
    return f"""
  %start = load i64, ptr %memory
  %places = load i64, ptr %count.p
  %delta = load i64, ptr %delta.p
  %offset = sub i64 %address, %start
  %hit = icmp ult i64 %offset, %places
  %near = add i64 %address, %delta
  %host.near = inttoptr i64 %near to ptr
  br i1 %hit, label %work, label %search
search:
  %host.far = call ptr @host.{space}({arguments})
  %bad = icmp eq ptr %host.far, null
  br i1 %bad, label %fault, label %work
"""


def _host_value(space: str) -> str:
    if space != "global":
        return ""
    return "  %host = phi ptr [ %host.near, %head ], [ %host.far, %search ]"


def access_function(name: str) -> str:
    """Return the text of `load.SPACE.BYTES` or `store.SPACE.BYTES`."""
    kind, _, size = name.split(".")
    size_bytes = int(size)
    if kind == "load":
        body = "\n".join(_load_part(*part) for part in _parts(size_bytes))
        return lane_loop(name, body, size_bytes, Access.READ)
    body = "\n".join(_store_part(*part) for part in _parts(size_bytes))
    return lane_loop(name, body, size_bytes, Access.WRITE)


def _parts(size_bytes: int) -> list[tuple[int, str]]:
    """Return the number and element type of each row of data."""
    if size_bytes < 4:
        return [(0, _ELEMENT[size_bytes])]
    return [(number, "i32") for number in range(size_bytes // 4)]


def _load_part(number: int, element: str) -> str:
    text = f"""
  %from.{number} = getelementptr i8, ptr %host, i64 {4 * number}
  %found.{number} = load {element}, ptr %from.{number}, align 1
  %to.{number} = getelementptr i8, ptr %column, i64 {VGPR_BYTES * number}"""
    if element == "i32":
        return text + f"\n  store i32 %found.{number}, ptr %to.{number}"
    return (
        text
        + f"""
  %wide.{number} = zext {element} %found.{number} to i32
  store i32 %wide.{number}, ptr %to.{number}"""
    )


def _store_part(number: int, element: str) -> str:
    narrow = f"add i32 %word.{number}, 0"
    if element != "i32":
        narrow = f"trunc i32 %word.{number} to {element}"
    return f"""
  %from.{number} = getelementptr i8, ptr %column, i64 {VGPR_BYTES * number}
  %word.{number} = load i32, ptr %from.{number}
  %new.{number} = {narrow}
  %to.{number} = getelementptr i8, ptr %host, i64 {4 * number}
  %old.{number} = load {element}, ptr %to.{number}, align 1
  store {element} %new.{number}, ptr %to.{number}, align 1
{progress(str(number), element)}"""


def progress(suffix: str, element: str) -> str:
    """Return what counts a change of memory from `%old` to `%new`."""
    return f"""
  %changed.{suffix} = icmp ne {element} %old.{suffix}, %new.{suffix}
  %change.{suffix} = zext i1 %changed.{suffix} to i64
  %before.{suffix} = load i64, ptr %progress.p
  %after.{suffix} = add i64 %before.{suffix}, %change.{suffix}
  store i64 %after.{suffix}, ptr %progress.p"""
