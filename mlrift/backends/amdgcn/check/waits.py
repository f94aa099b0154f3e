"""Rule family `wait`: what an operation in flight still holds is not touched before its wait.

In goes a graph, out come findings. The state at a point are, per stream, the operations that may
be outstanding there, youngest first, each as the set of what it holds. Where paths meet, the n-th
youngest of both are put together: what is pending after either path is pending, and needs the
stronger wait of the two. A stream that is longer than the counter can count keeps the excess in its
last place.

Reads and writes of a pending destination are refused. On gfx10 and gfx11 a vector load may write
what an older load of the same stream is still to write, as both arrive in order; gfx12 does not
promise that. Registers that hold addresses or data to be stored are free as soon as the operation
is issued (gpu.md 4.6).
"""

from mlrift.backends.amdgcn.check.context import Report, Subject, silent
from mlrift.backends.amdgcn.check.finding import Rule
from mlrift.backends.amdgcn.check.graph import CheckedBlock, solve_forwards
from mlrift.backends.amdgcn.check.steps import (
    ACCESS_KINDS,
    ACCESSES,
    ATOMIC_WITHOUT_RESULT,
    GLOBAL_LOAD,
    GLOBAL_STORE,
    LDS_ACCESS,
    WRITE_BACK,
    Step,
    names_of,
)
from mlrift.backends.amdgcn.check.streams import Stream, invalidates_cache, issues, limits_of
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Effects, Unit
from mlrift.values import record

_LONGEST = 64
_ORDERED_LOADS = (Generation.GFX10, Generation.GFX11)

Frozen = tuple[tuple[int, ...], ...]


@record
class Outstanding:
    """What may be in flight; `everything` is the union of the streams."""

    streams: list[list[int]]
    everything: int

    def issue(self, stream: Stream, held: int) -> None:
        """Add an operation."""
        queue = self.streams[stream.value]
        if stream is Stream.SCALAR:
            queue[:] = [held | (queue[0] if queue else 0)]
        else:
            queue.insert(0, held)
            if len(queue) > _LONGEST:
                queue[-2] |= queue.pop()
        self.everything |= held

    def limit(self, stream: Stream, left: int) -> None:
        """Take note that at most `left` operations of the stream are in flight."""
        queue = self.streams[stream.value]
        if stream is Stream.SCALAR and left > 0:
            return
        if len(queue) > left:
            del queue[left:]
            self._add_up()

    def forget(self, mask: int) -> None:
        """Drop registers from all streams, so that one mistake is reported once."""
        for queue in self.streams:
            queue[:] = [held & ~mask for held in queue]
        self._add_up()

    def _add_up(self) -> None:
        self.everything = 0
        for queue in self.streams:
            for held in queue:
                self.everything |= held


def check_waits(subject: Subject) -> None:
    """Report every touch of something that may still be in flight."""
    graph, generation = subject.graph, subject.chip.generation
    entry: Frozen = ((), (), (), ())

    def transfer(block: CheckedBlock, before: Frozen) -> Frozen:
        return _run(block, before, generation, silent)

    for index, before in solve_forwards(graph, entry, transfer, _join).items():
        _run(graph.blocks[index], before, generation, subject.report)


def _run(block: CheckedBlock, before: Frozen, generation: Generation, report: Report) -> Frozen:
    state = Outstanding([list(queue) for queue in before], 0)
    for queue in state.streams:
        for held in queue:
            state.everything |= held
    for step in block.steps:
        row = step.instruction.row
        if state.everything:
            if (step.reads | step.writes) & state.everything:
                _check_registers(state, step, generation, report)
            _check_order(state, step, report)
        if row.unit is Unit.WAIT:
            for stream, left in limits_of(step.instruction, generation):
                state.limit(stream, left)
        else:
            for stream, held in issues(step):
                state.issue(stream, held)
    return tuple(tuple(queue) for queue in state.streams)


def _join(_block: CheckedBlock, one: Frozen, other: Frozen) -> Frozen:
    joined = []
    for first, second in zip(one, other, strict=True):
        longer, shorter = (first, second) if len(first) >= len(second) else (second, first)
        joined.append(
            tuple(
                held | (shorter[age] if age < len(shorter) else 0)
                for age, held in enumerate(longer)
            )
        )
    return tuple(joined)


def _check_registers(
    state: Outstanding, step: Step, generation: Generation, report: Report
) -> None:
    wrong = step.reads & state.everything
    if wrong:
        report(step, Rule.WAIT_READ, f"reads {names_of(wrong)} before {_source(state, wrong)}")
    written = step.writes & state.everything & ~wrong
    if written and generation in _ORDERED_LOADS:
        written &= ~_arrives_in_order(state, step)
    if written:
        source = _source(state, written)
        report(step, Rule.WAIT_WRITE, f"writes {names_of(written)} before {source}")
    if wrong | written:
        state.forget(wrong | written)


def _source(state: Outstanding, registers: int) -> str:
    for stream, queue in zip(Stream, state.streams, strict=True):
        for age, held in enumerate(queue):
            if held & registers:
                return _SOURCES[stream].format(left=age)
    return "its operation has finished"


_SOURCES = {
    Stream.LOAD: "a wait for the vector load that delivers it (at most {left} outstanding)",
    Stream.STORE: "a wait for a store",
    Stream.LDS: "a wait for the LDS operation that delivers it (at most {left} outstanding)",
    Stream.SCALAR: "a wait for the scalar load that delivers it (none outstanding)",
}


def _arrives_in_order(state: Outstanding, step: Step) -> int:
    """Return the registers of older vector loads, if the step is a vector load itself."""
    streams = [stream for stream, _ in issues(step)]
    if streams != [Stream.LOAD]:
        return 0
    only_loads = 0
    for held in state.streams[Stream.LOAD.value]:
        only_loads |= held
    for stream in (Stream.LDS, Stream.SCALAR):
        for held in state.streams[stream.value]:
            only_loads &= ~held
    return only_loads & ~ACCESS_KINDS


def _check_order(state: Outstanding, step: Step, report: Report) -> None:
    row = step.instruction.row
    if row.unit is Unit.BARRIER and row.operation in _ARRIVALS:
        pending = state.everything & ACCESSES
        if pending:
            report(step, Rule.WAIT_BARRIER, f"{_kinds(pending)} may be outstanding at the barrier")
    elif invalidates_cache(step.instruction):
        pending = state.everything & GLOBAL_LOAD
        if pending:
            report(
                step,
                Rule.WAIT_ACQUIRE,
                "a load may be outstanding when the cache is invalidated, "
                "so that the accesses after it may be older",
            )
    elif state.everything & WRITE_BACK and (Effects.STORES | Effects.ATOMIC) & row.effects:
        report(step, Rule.WAIT_RELEASE, "the write-back before it may be outstanding")


_ARRIVALS = ("s_barrier", "s_barrier_signal", "s_barrier_signal_isfirst")


def _kinds(pending: int) -> str:
    names = {
        LDS_ACCESS: "an LDS access",
        GLOBAL_LOAD: "a load",
        GLOBAL_STORE: "a store",
        ATOMIC_WITHOUT_RESULT: "an atomic",
    }
    return " and ".join(name for bit, name in names.items() if pending & bit)
