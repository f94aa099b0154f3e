"""LLVM text of what runs waves: `run`, `turn` and `run_group`.

`run` executes chunk after chunk of a wave until one leaves or the quantum is used up. `turn` is
that for a wave of a group, with its ends and barriers: 1 if the wave ended or came to a barrier, 0
if it yielded, or a `Status` that Python must see. `run_group` gives turns to all waves until they
have ended (`END`) or all that are left only yield (`YIELD`).
"""

from mlrift.emulator.layout import Signal, Status, WaveOffset, WaveState

_RUN = f"""
define internal i32 @run(ptr %wave, ptr %context, ptr %table) {{
entry:
  %next.p = getelementptr i8, ptr %wave, i64 {WaveOffset.NEXT:d}
  %quantum.p = getelementptr i8, ptr %wave, i64 {WaveOffset.QUANTUM:d}
  %begin = load i32, ptr %next.p
  br label %head
head:
  %number = phi i32 [ %begin, %entry ], [ %status, %on ]
  %number64 = zext i32 %number to i64
  %slot = getelementptr ptr, ptr %table, i64 %number64
  %chunk = load ptr, ptr %slot
  %status = call i32 %chunk(ptr %wave, ptr %context)
  %stopped = icmp slt i32 %status, 0
  br i1 %stopped, label %stop, label %on
on:
  store i32 %status, ptr %next.p
  %left = load i64, ptr %quantum.p
  %tired = icmp sle i64 %left, 0
  br i1 %tired, label %yield, label %head
yield:
  ret i32 {Status.YIELD:d}
stop:
  ret i32 %status
}}
"""

_RELEASE = f"""
define internal void @release(ptr %states, i32 %count) {{
entry:
  br label %head
head:
  %i = phi i32 [ 0, %entry ], [ %i.next, %next ]
  %wave = call ptr @wave_at(ptr %states, i32 %i)
  %state.p = getelementptr i8, ptr %wave, i64 {WaveOffset.STATE:d}
  %state = load i32, ptr %state.p
  %ended = icmp eq i32 %state, {WaveState.ENDED:d}
  %signal.p = getelementptr i8, ptr %wave, i64 {WaveOffset.SIGNALLED:d}
  %signal = load i32, ptr %signal.p
  %given = icmp eq i32 %signal, {Signal.GIVEN:d}
  %fine = or i1 %ended, %given
  br i1 %fine, label %next, label %not.yet
next:
  %i.next = add i32 %i, 1
  %more = icmp ult i32 %i.next, %count
  br i1 %more, label %head, label %free
not.yet:
  ret void
free:
  %j = phi i32 [ 0, %next ], [ %j.next, %on ]
  %wave2 = call ptr @wave_at(ptr %states, i32 %j)
  %state2.p = getelementptr i8, ptr %wave2, i64 {WaveOffset.STATE:d}
  %state2 = load i32, ptr %state2.p
  %waiting = icmp eq i32 %state2, {WaveState.WAITING:d}
  br i1 %waiting, label %let.go, label %mark
let.go:
  store i32 {WaveState.RUNNABLE:d}, ptr %state2.p
  call void @pass(ptr %wave2)
  br label %on
mark:
  %signal2.p = getelementptr i8, ptr %wave2, i64 {WaveOffset.SIGNALLED:d}
  store i32 {Signal.RELEASED:d}, ptr %signal2.p
  br label %on
on:
  %j.next = add i32 %j, 1
  %more2 = icmp ult i32 %j.next, %count
  br i1 %more2, label %free, label %done
done:
  ret void
}}

define internal ptr @wave_at(ptr %states, i32 %number) {{
  %wide = zext i32 %number to i64
  %byte = mul i64 %wide, {WaveOffset.BYTES:d}
  %wave = getelementptr i8, ptr %states, i64 %byte
  ret ptr %wave
}}

define internal void @pass(ptr %wave) {{
  %signal.p = getelementptr i8, ptr %wave, i64 {WaveOffset.SIGNALLED:d}
  store i32 {Signal.NONE:d}, ptr %signal.p
  %epoch.p = getelementptr i8, ptr %wave, i64 {WaveOffset.EPOCH:d}
  %epoch = load i32, ptr %epoch.p
  %later = add i32 %epoch, 1
  store i32 %later, ptr %epoch.p
  ret void
}}
"""

_TURN = f"""
define i32 @turn(ptr %states, i32 %count, i32 %number, ptr %context, ptr %table, i64 %quantum) {{
  %wave = call ptr @wave_at(ptr %states, i32 %number)
  %state.p = getelementptr i8, ptr %wave, i64 {WaveOffset.STATE:d}
  %signal.p = getelementptr i8, ptr %wave, i64 {WaveOffset.SIGNALLED:d}
  %quantum.p = getelementptr i8, ptr %wave, i64 {WaveOffset.QUANTUM:d}
  store i64 %quantum, ptr %quantum.p
  %status = call i32 @run(ptr %wave, ptr %context, ptr %table)
  switch i32 %status, label %other [
    i32 {Status.END:d}, label %end
    i32 {Status.BARRIER:d}, label %barrier
    i32 {Status.YIELD:d}, label %yield
    i32 {Status.SLEEP:d}, label %yield
  ]
other:
  ret i32 %status
yield:
  ret i32 0
end:
  store i32 {WaveState.ENDED:d}, ptr %state.p
  call void @release(ptr %states, i32 %count)
  ret i32 1
barrier:
  %signal = load i32, ptr %signal.p
  %free = icmp eq i32 %signal, {Signal.RELEASED:d}
  br i1 %free, label %go.on, label %wait
go.on:
  call void @pass(ptr %wave)
  ret i32 1
wait:
  store i32 {WaveState.WAITING:d}, ptr %state.p
  call void @release(ptr %states, i32 %count)
  ret i32 1
}}
"""

_RUN_GROUP = f"""
define i32 @run_group(ptr %states, i32 %count, ptr %who, ptr %context, ptr %table, i64 %quantum) {{
entry:
  br label %round
round:
  br label %head
head:
  %i = phi i32 [ 0, %round ], [ %i.next, %next ]
  %moved = phi i32 [ 0, %round ], [ %moved.next, %next ]
  %ended = phi i32 [ 0, %round ], [ %ended.next, %next ]
  %wave = call ptr @wave_at(ptr %states, i32 %i)
  %state.p = getelementptr i8, ptr %wave, i64 {WaveOffset.STATE:d}
  %state = load i32, ptr %state.p
  %can = icmp eq i32 %state, {WaveState.RUNNABLE:d}
  br i1 %can, label %act, label %next
act:
  %status = call i32 @turn(ptr %states, i32 %count, i32 %i, ptr %context, ptr %table, i64 %quantum)
  %stopped = icmp slt i32 %status, 0
  br i1 %stopped, label %stop, label %next
next:
  %gain = phi i32 [ 0, %head ], [ %status, %act ]
  %moved.next = or i32 %moved, %gain
  %state.now = load i32, ptr %state.p
  %is.ended = icmp eq i32 %state.now, {WaveState.ENDED:d}
  %one = zext i1 %is.ended to i32
  %ended.next = add i32 %ended, %one
  %i.next = add i32 %i, 1
  %more = icmp ult i32 %i.next, %count
  br i1 %more, label %head, label %after
after:
  %all = icmp eq i32 %ended.next, %count
  br i1 %all, label %finished, label %again
again:
  %some = icmp ne i32 %moved.next, 0
  br i1 %some, label %round, label %tired
finished:
  ret i32 {Status.END:d}
tired:
  ret i32 {Status.YIELD:d}
stop:
  store i32 %i, ptr %who
  ret i32 %status
}}
"""

RUN = _RUN + _RELEASE + _TURN + _RUN_GROUP
