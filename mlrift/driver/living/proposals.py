"""Proposals for the language: their states, and which of them a file calls for (cli.md 3.3)."""

from collections.abc import Callable
from enum import Enum, unique

from mlrift.driver.living.telemetry import Telemetry
from mlrift.values import value


@unique
class State(Enum):
    """How far a proposal is."""

    STABLE = "stable"
    EXPERIMENTAL = "experimental"
    DEPRECATED = "deprecated"


@value
class Proposal:
    """One proposal: when it applies, and the same code without and with it."""

    name: str
    state: State
    trigger: str
    before: str
    after: str
    fires: Callable[[Telemetry], bool]


PROPOSALS = (
    Proposal(
        "slice_for_buffer_params",
        State.STABLE,
        "a parameter for an address is followed by one for a length",
        "fn sum(u64 data, u64 len) -> u64",
        "fn sum([u8] data) -> u64",
        lambda found: found.buffer_parameters > 0,
    ),
    Proposal(
        "device_block_from_mmio",
        State.STABLE,
        "volatile access at an address that is a number",
        "volatile { *(0x1000 as u32) = 1 }",
        "device UART at 0x1000 { DATA at 0 : u32 }   UART.DATA = 1",
        lambda found: found.register_accesses > 0,
    ),
    Proposal(
        "load_store_builtins",
        State.STABLE,
        "a pointer statement",
        "unsafe { *(p as u32) -> x }",
        "x = load32(p)",
        lambda found: found.pointer_statements > 0,
    ),
    Proposal(
        "short_type_aliases",
        State.STABLE,
        "a long type name",
        "uint64 x",
        "u64 x",
        lambda found: found.long_type_names > 0,
    ),
    Proposal(
        "versioned_language_profiles",
        State.EXPERIMENTAL,
        "imports without a `#lang` line",
        'import "a.mlr"',
        '#lang stable   import "a.mlr"',
        lambda found: found.imports > 0 and found.profile is None,
    ),
    Proposal(
        "tail_call_intrinsic",
        State.EXPERIMENTAL,
        "a function returns a call of itself",
        "return f(n - 1)",
        "tail f(n - 1)",
        lambda found: found.self_tail_calls > 0,
    ),
    Proposal(
        "extern_fn_decls",
        State.EXPERIMENTAL,
        "call_ptr or syscall_raw",
        "call_ptr(address, x)",
        "extern fn name(u64 x)   name(x)",
        lambda found: found.raw_calls > 0,
    ),
)


class BadStateLine(ValueError):
    """A line of the file of states that means nothing; the message says which."""


def default_states() -> dict[str, State]:
    """Return the states that proposals have before anybody changes them."""
    return {row.name: row.state for row in PROPOSALS}


def parse_states(text: str) -> dict[str, State]:
    """Return the states written in `text`, for the rest the usual ones; raises BadStateLine."""
    states = default_states()
    known = {state.value: state for state in State}
    for number, line in enumerate(text.splitlines(), 1):
        name, _, value = line.strip().partition(" ")
        if not name:
            continue
        if value.strip() not in known:
            raise BadStateLine(f"line {number}: '{line}' is no proposal with a state")
        if name in states:
            states[name] = known[value.strip()]
    return states


def print_states(states: dict[str, State]) -> str:
    """Return the text of the file of states."""
    return "".join(f"{row.name} {states[row.name].value}\n" for row in PROPOSALS)


def fired(found: Telemetry, states: dict[str, State]) -> list[Proposal]:
    """Return the proposals that a file calls for and that its profile lets through."""
    shown = {State.STABLE}
    if found.profile == State.EXPERIMENTAL.value:
        shown.add(State.EXPERIMENTAL)
    return [row for row in PROPOSALS if states[row.name] in shown and row.fires(found)]
