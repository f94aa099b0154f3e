"""Branches, barriers, the end of a wave, hardware registers, and what does nothing here.

`ENDS` are operations that end a chunk of code: their functions say where the wave goes on. Waits,
cache hints and delays do nothing, because every access is complete at once.
"""

from collections.abc import Callable, Mapping

from mlrift.backends.amdgcn.isa.instruction import Immediate
from mlrift.emulator.layout import ContextOffset, FaultCode, Status, WaveOffset
from mlrift.emulator.step import NoSemantics, Semantics, Step

_MODE, _STATUS, _FLAT_LOW, _FLAT_HIGH, _CYCLES = 1, 2, 20, 21, 29
_NO_INFORMATION = frozenset((23, 24))
"""HW_ID1 and HW_ID2: where the wave runs."""
_WORKGROUP_BARRIER = 0xFFFF


def _nothing(step: Step) -> None:
    """Do nothing."""


# -- ends of chunks --


def _branch(step: Step) -> None:
    step.go(step.branch_target())


def _when_scc(wanted: str) -> Semantics:
    def semantics(step: Step) -> None:
        condition = step.registers.scc
        if wanted == "0":
            condition = step.code.binary("xor", "i1", condition, "true")
        step.go_if(condition, step.branch_target())

    return semantics


def _when_mask(read: Callable[[Step], str], test: str) -> Semantics:
    def semantics(step: Step) -> None:
        condition = step.code.binary(f"icmp {test}", "i32", read(step), "0")
        step.go_if(condition, step.branch_target())

    return semantics


def _end(step: Step) -> None:
    step.stop(Status.END)


def _set_signal(step: Step) -> None:
    step.code.store("i32", "1", step.code.address("%wave", WaveOffset.SIGNALLED))


def _barrier(step: Step) -> None:
    _set_signal(step)
    step.stop_and_continue(Status.BARRIER)


def _barrier_wait(step: Step) -> None:
    if step.immediate() & 0xFFFF != _WORKGROUP_BARRIER:
        raise NoSemantics(f"barrier {step.immediate()}: only -1, the group's, is executed")
    step.stop_and_continue(Status.BARRIER)


def _barrier_signal(step: Step) -> None:
    if step.scalar(0) != "-1":
        raise NoSemantics("a barrier that is not the group's (-1)")
    _set_signal(step)


def _sleep(step: Step) -> None:
    step.stop_and_continue(Status.SLEEP)


def _jump(step: Step) -> None:
    step.jump(step.scalar(0))


def _call(step: Step) -> None:
    target = step.scalar(0)
    step.registers.set_scalar_pair(step.scalar_target(), step.code_address(step.next_offset))
    step.jump(target)


def _call_relative(step: Step) -> None:
    step.registers.set_scalar_pair(step.scalar_target(), step.code_address(step.next_offset))
    step.go(step.branch_target())


def _fault(code: FaultCode) -> Semantics:
    def semantics(step: Step) -> None:
        step.fault(code)

    return semantics


ENDS: Mapping[str, Semantics] = {
    "s_branch": _branch,
    "s_cbranch_scc0": _when_scc("0"),
    "s_cbranch_scc1": _when_scc("1"),
    "s_cbranch_vccz": _when_mask(lambda step: step.registers.vcc, "eq"),
    "s_cbranch_vccnz": _when_mask(lambda step: step.registers.vcc, "ne"),
    "s_cbranch_execz": _when_mask(lambda step: step.registers.exec, "eq"),
    "s_cbranch_execnz": _when_mask(lambda step: step.registers.exec, "ne"),
    "s_endpgm": _end,
    "s_endpgm_saved": _end,
    "s_barrier": _barrier,
    "s_barrier_wait": _barrier_wait,
    "s_sleep": _sleep,
    "s_sleep_var": _sleep,
    "s_setpc_b64": _jump,
    "s_swappc_b64": _call,
    "s_call_b64": _call_relative,
    "s_trap": _fault(FaultCode.TRAP),
    "s_code_end": _fault(FaultCode.CODE_END),
}

# -- hardware registers --


def _field(step: Step) -> tuple[int, int, int]:
    """Return the hardware register, its first bit and the number of bits."""
    for operand in step.instruction.operands:
        if isinstance(operand, Immediate):
            bits = operand.number & 0xFFFF
            return bits & 63, bits >> 6 & 31, (bits >> 11) + 1
    raise NoSemantics(f"{step.row.name}: no hardware register")


def _get_register(step: Step) -> None:
    register, first, count = _field(step)
    code = step.code
    word = code.binary("lshr", "i32", _hardware_word(step, register), str(first))
    mask = (1 << count) - 1
    found = word if count == 32 else code.binary("and", "i32", word, str(mask))
    step.registers.set_scalar(step.scalar_target(), found)


def _hardware_word(step: Step, register: int) -> str:
    code = step.code
    if register == _MODE:
        return str(step.mode.bits)
    if register in _NO_INFORMATION:
        return "0"
    if register in (_FLAT_LOW, _FLAT_HIGH):
        place = WaveOffset.FLAT_SCRATCH + 4 * (register - _FLAT_LOW)
        return code.load("i32", code.address("%wave", place))
    if register == _CYCLES:
        return code.load("i32", code.address("%context", ContextOffset.CLOCK))
    raise NoSemantics(f"hardware register {register}")


def _set_register(step: Step) -> None:
    register, first, count = _field(step)
    value = step.set_register_value()
    if register in (_FLAT_LOW, _FLAT_HIGH) and (first, count) == (0, 32):
        place = WaveOffset.FLAT_SCRATCH + 4 * (register - _FLAT_LOW)
        step.code.store("i32", value, step.code.address("%wave", place))
        return
    if register != _MODE:
        raise NoSemantics(f"writing hardware register {register}")
    if value.startswith("%"):
        raise NoSemantics("MODE written with a value that is only known at run time")
    step.mode = step.mode.with_field(first, count, int(value))


def _round_mode(step: Step) -> None:
    step.mode = step.mode.with_rounding(step.immediate())


def _denormal_mode(step: Step) -> None:
    step.mode = step.mode.with_denormals(step.immediate())


def _get_address(step: Step) -> None:
    step.registers.set_scalar_pair(step.scalar_target(), step.code_address(step.next_offset))


_NOTHING = """
    s_nop s_sethalt s_set_inst_prefetch_distance s_clause s_delay_alu s_waitcnt_depctr s_waitcnt
    s_wait_idle s_wait_event s_setprio s_sendmsg s_sendmsghalt s_incperflevel s_decperflevel
    s_wait_loadcnt s_wait_storecnt s_wait_samplecnt s_wait_bvhcnt s_wait_expcnt s_wait_dscnt
    s_wait_kmcnt s_wait_loadcnt_dscnt s_wait_storecnt_dscnt s_waitcnt_vscnt s_waitcnt_vmcnt
    s_waitcnt_expcnt s_waitcnt_lgkmcnt s_version v_nop ds_nop
"""

ROWS: Mapping[str, Semantics] = {
    **{name: _nothing for name in _NOTHING.split()},
    "s_barrier_signal": _barrier_signal,
    "s_getreg_b32": _get_register,
    "s_setreg_b32": _set_register,
    "s_setreg_imm32_b32": _set_register,
    "s_round_mode": _round_mode,
    "s_denorm_mode": _denormal_mode,
    "s_getpc_b64": _get_address,
}
