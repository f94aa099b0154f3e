"""LLVM text of counting: bytes, cache lines of 128 bytes, and LDS bank conflicts of an access.

Addresses are in the context's lane array; the sums go to the site's row of counters, if there is a
table of them.
"""

from mlrift.emulator.layout import ContextOffset, CounterOffset

_PREVIOUS = f"<32 x i32> <i32 poison, {', '.join(f'i32 {lane}' for lane in range(31))}>"
"""Shuffle that gives each lane the one before it."""

_LADDER = f"<{', '.join(f'i64 {4 * lane}' for lane in range(32))}>"
"""Dword after dword."""

_COUNT_SCALAR = f"""
define internal void @count.scalar(ptr %context, i32 %site, i64 %bytes) {{
entry:
  %table.p = getelementptr i8, ptr %context, i64 {ContextOffset.COUNTERS:d}
  %table = load ptr, ptr %table.p
  %off = icmp eq ptr %table, null
  br i1 %off, label %done, label %count
done:
  ret void
count:
  %site64 = zext i32 %site to i64
  %row.at = mul i64 %site64, {CounterOffset.ROW:d}
  %row = getelementptr i8, ptr %table, i64 %row.at
  %bytes.p = getelementptr i8, ptr %row, i64 {CounterOffset.BYTES:d}
  %old.bytes = load i64, ptr %bytes.p
  %new.bytes = add i64 %old.bytes, %bytes
  store i64 %new.bytes, ptr %bytes.p
  %lines.p = getelementptr i8, ptr %row, i64 {CounterOffset.LINES:d}
  %old.lines = load i64, ptr %lines.p
  %new.lines = add i64 %old.lines, 1
  store i64 %new.lines, ptr %lines.p
  ret void
}}
"""

# How both counters begin: nothing to do without a table or lanes, else the bytes are added.
_COUNT_BYTES = f"""\
  %table.p = getelementptr i8, ptr %context, i64 {ContextOffset.COUNTERS:d}
  %table = load ptr, ptr %table.p
  %off = icmp eq ptr %table, null
  %idle = icmp eq i32 %mask, 0
  %skip = or i1 %off, %idle
  br i1 %skip, label %done, label %count
done:
  ret void
count:
  %site64 = zext i32 %site to i64
  %row.at = mul i64 %site64, {CounterOffset.ROW:d}
  %row = getelementptr i8, ptr %table, i64 %row.at
  %lanes32 = call i32 @llvm.ctpop.i32(i32 %mask)
  %lanes = zext i32 %lanes32 to i64
  %moved = mul i64 %lanes, %bytes
  %bytes.p = getelementptr i8, ptr %row, i64 {CounterOffset.BYTES:d}
  %old.bytes = load i64, ptr %bytes.p
  %new.bytes = add i64 %old.bytes, %moved
  store i64 %new.bytes, ptr %bytes.p
"""

_COUNT_GLOBAL = f"""
define internal void @count.global(ptr %context, i32 %mask, i32 %site, i64 %bytes) {{
entry:
  %found = alloca [96 x i64]
{_COUNT_BYTES}  %addresses = getelementptr i8, ptr %context, i64 {ContextOffset.ADDRESS:d}
  %full = icmp eq i32 %mask, -1
  br i1 %full, label %quick, label %slow
quick:
  %all = load <32 x i64>, ptr %addresses, align 64
  %first.lines = lshr <32 x i64> %all, splat (i64 7)
  %less = sub i64 %bytes, 1
  %less.1 = insertelement <32 x i64> poison, i64 %less, i32 0
  %less.v = shufflevector <32 x i64> %less.1, <32 x i64> poison, <32 x i32> zeroinitializer
  %ends = add <32 x i64> %all, %less.v
  %last.lines = lshr <32 x i64> %ends, splat (i64 7)
  %previous = shufflevector <32 x i64> %last.lines, <32 x i64> poison,
    {_PREVIOUS}
  %same = icmp eq <32 x i64> %first.lines, %previous
  %after = icmp uge <32 x i64> %first.lines, %previous
  %same.bits = bitcast <32 x i1> %same to i32
  %after.bits = bitcast <32 x i1> %after to i32
  %after.all = or i32 %after.bits, 1
  %ordered = icmp eq i32 %after.all, -1
  %spread = sub <32 x i64> %last.lines, %first.lines
  %split = icmp ne <32 x i64> %spread, zeroinitializer
  %split.bits = bitcast <32 x i1> %split to i32
  %whole = icmp eq i32 %split.bits, 0
  %easy = and i1 %ordered, %whole
  br i1 %easy, label %add, label %slow
add:
  %same.rest = and i32 %same.bits, -2
  %repeats = call i32 @llvm.ctpop.i32(i32 %same.rest)
  %quick32 = sub i32 32, %repeats
  %quick.lines = zext i32 %quick32 to i64
  br label %write
slow:
  br label %head
head:
  %left = phi i32 [ %mask, %slow ], [ %rest, %next ]
  %n = phi i64 [ 0, %slow ], [ %n.next, %next ]
  %lane = call i32 @llvm.cttz.i32(i32 %left, i1 true)
  %lane64 = zext i32 %lane to i64
  %address.p = getelementptr i64, ptr %addresses, i64 %lane64
  %address = load i64, ptr %address.p
  %line0 = lshr i64 %address, 7
  %end.less = sub i64 %bytes, 1
  %end = add i64 %address, %end.less
  %line1 = lshr i64 %end, 7
  %n.one = call i64 @lines.insert(ptr %found, i64 %n, i64 %line0)
  %n.next = call i64 @lines.insert(ptr %found, i64 %n.one, i64 %line1)
  br label %next
next:
  %minus = add i32 %left, -1
  %rest = and i32 %left, %minus
  %more = icmp ne i32 %rest, 0
  br i1 %more, label %head, label %write
write:
  %lines = phi i64 [ %quick.lines, %add ], [ %n.next, %next ]
  %lines.p = getelementptr i8, ptr %row, i64 {CounterOffset.LINES:d}
  %old.lines = load i64, ptr %lines.p
  %new.lines = add i64 %old.lines, %lines
  store i64 %new.lines, ptr %lines.p
  ret void
}}
"""

_LINES_INSERT = """
define internal i64 @lines.insert(ptr %found, i64 %count, i64 %line) {
entry:
  %some = icmp ne i64 %count, 0
  br i1 %some, label %head, label %add
head:
  %i = phi i64 [ %count, %entry ], [ %before, %next ]
  %before = sub i64 %i, 1
  %p = getelementptr i64, ptr %found, i64 %before
  %known = load i64, ptr %p
  %same = icmp eq i64 %known, %line
  br i1 %same, label %have, label %next
next:
  %more = icmp ne i64 %before, 0
  br i1 %more, label %head, label %add
have:
  ret i64 %count
add:
  %q = getelementptr i64, ptr %found, i64 %count
  store i64 %line, ptr %q
  %one = add i64 %count, 1
  ret i64 %one
}
"""

# Lanes go to the LDS in groups that move 128 bytes; lanes of a group that need different dwords of
# one bank wait for each other.
_COUNT_LDS = f"""
define internal void @count.lds(ptr %context, i32 %mask, i32 %site, i64 %bytes) {{
entry:
  %found = alloca [32 x [32 x i64]]
  %banks = alloca [32 x i32]
{_COUNT_BYTES}  %addresses = getelementptr i8, ptr %context, i64 {ContextOffset.ADDRESS:d}
  %wide = icmp ugt i64 %bytes, 4
  br i1 %wide, label %slow, label %quick
quick:
  %all = load <32 x i64>, ptr %addresses, align 64
  %first = extractelement <32 x i64> %all, i32 0
  %first.1 = insertelement <32 x i64> poison, i64 %first, i32 0
  %first.v = shufflevector <32 x i64> %first.1, <32 x i64> poison, <32 x i32> zeroinitializer
  %away = sub <32 x i64> %all, %first.v
  %ladder = icmp eq <32 x i64> %away, {_LADDER}
  %ladder.bits = bitcast <32 x i1> %ladder to i32
  %flat = icmp eq <32 x i64> %away, zeroinitializer
  %flat.bits = bitcast <32 x i1> %flat to i32
  %off.mask = xor i32 %mask, -1
  %ladder.ok = or i32 %ladder.bits, %off.mask
  %flat.ok = or i32 %flat.bits, %off.mask
  %is.ladder = icmp eq i32 %ladder.ok, -1
  %is.flat = icmp eq i32 %flat.ok, -1
  %easy = or i1 %is.ladder, %is.flat
  br i1 %easy, label %done, label %slow
slow:
  %words.up = add i64 %bytes, 3
  %words = lshr i64 %words.up, 2
  %group = udiv i64 32, %words
  br label %head
head:
  %lane = phi i64 [ 0, %slow ], [ %lane.next, %next ]
  %in.group = phi i64 [ 0, %slow ], [ %in.group.next, %next ]
  %worst = phi i32 [ 0, %slow ], [ %worst.after, %next ]
  %extra = phi i64 [ 0, %slow ], [ %extra.after, %next ]
  %fresh = icmp eq i64 %in.group, 0
  br i1 %fresh, label %clear, label %visit
clear:
  store [32 x i32] zeroinitializer, ptr %banks
  br label %visit
visit:
  %worst.now = phi i32 [ %worst, %head ], [ 0, %clear ]
  %lane32 = trunc i64 %lane to i32
  %bit = shl i32 1, %lane32
  %chosen = and i32 %mask, %bit
  %active = icmp ne i32 %chosen, 0
  br i1 %active, label %words.head, label %next
words.head:
  %w = phi i64 [ 0, %visit ], [ %w.next, %words.next ]
  %ww = phi i32 [ %worst.now, %visit ], [ %worst.one, %words.next ]
  %address.p = getelementptr i64, ptr %addresses, i64 %lane
  %address = load i64, ptr %address.p
  %dword.0 = lshr i64 %address, 2
  %dword = add i64 %dword.0, %w
  %bank = and i64 %dword, 31
  %bank.p = getelementptr i32, ptr %banks, i64 %bank
  %uses = load i32, ptr %bank.p
  %uses64 = zext i32 %uses to i64
  %list.at = shl i64 %bank, 8
  %list = getelementptr i8, ptr %found, i64 %list.at
  %uses.wide = call i64 @lines.insert(ptr %list, i64 %uses64, i64 %dword)
  %uses.new = trunc i64 %uses.wide to i32
  store i32 %uses.new, ptr %bank.p
  %more.than = icmp ugt i32 %uses.new, %ww
  %worst.one = select i1 %more.than, i32 %uses.new, i32 %ww
  br label %words.next
words.next:
  %w.next = add i64 %w, 1
  %w.more = icmp ult i64 %w.next, %words
  br i1 %w.more, label %words.head, label %next
next:
  %worst.after = phi i32 [ %worst.now, %visit ], [ %worst.one, %words.next ]
  %lane.next = add i64 %lane, 1
  %in.more = add i64 %in.group, 1
  %ended = icmp eq i64 %in.more, %group
  %in.group.next = select i1 %ended, i64 0, i64 %in.more
  %busy = icmp ugt i32 %worst.after, 1
  %waits32 = sub i32 %worst.after, 1
  %waits = zext i32 %waits32 to i64
  %counted = and i1 %ended, %busy
  %add = select i1 %counted, i64 %waits, i64 0
  %extra.after = add i64 %extra, %add
  %more = icmp ult i64 %lane.next, 32
  br i1 %more, label %head, label %write
write:
  %lines.p = getelementptr i8, ptr %row, i64 {CounterOffset.LINES:d}
  %old.lines = load i64, ptr %lines.p
  %new.lines = add i64 %old.lines, %extra.after
  store i64 %new.lines, ptr %lines.p
  ret void
}}
"""

COUNTS = {
    "count.scalar": _COUNT_SCALAR,
    "count.global": _COUNT_GLOBAL,
    "count.lds": _COUNT_LDS,
    "lines.insert": _LINES_INSERT,
}
