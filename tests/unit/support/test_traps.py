"""The strict runners catch what Wine and a lucky Mac forgive: each broken rule has its test."""

import pytest

from mlrift.targets import (
    MACOS_ARM64,
    MACOS_X86_64,
    WINDOWS_ARM64,
    WINDOWS_X86_64,
    X86_64,
    Target,
)
from tests.support.engines import RuleBroken, engine_named
from tests.unit.support.images import Code, mac_image, windows_image

WINDOWS = (WINDOWS_X86_64, WINDOWS_ARM64)
MACS = (MACOS_X86_64, MACOS_ARM64)

X86_PROLOGUE = "4883ec38"  # sub rsp, 56: 16-aligned with room for a home area
SAVE_LINK = 0xA9BF7BFD  # stp x29, x30, [sp, #-16]!
LOAD_LINK = 0xA8C17BFD  # ldp x29, x30, [sp], #16
RETURN = 0xD65F03C0


def run(target: Target, code: Code) -> int:
    is_windows = target in WINDOWS
    image = windows_image(target, code) if is_windows else mac_image(target, code)
    return engine_named(f"{target.name}:strict").run(image).status


def quiet_call(target: Target, code: Code) -> Code:
    """Append a call that needs no arguments."""
    name = "GetLastError" if target in WINDOWS else "getpid"
    return code.call(name) if target.cpu is X86_64 else code.branch(name)


def exit_with_call(target: Target, code: Code) -> Code:
    name = "ExitProcess" if target in WINDOWS else "exit"
    return code.call(name) if target.cpu is X86_64 else code.branch(name)


@pytest.mark.parametrize("target", (WINDOWS_X86_64, MACOS_X86_64), ids=lambda row: row.name)
def test_a_misaligned_stack_is_caught_on_x86_64(target: Target) -> None:
    code = quiet_call(target, Code().hex("4883ec30"))
    with pytest.raises(RuleBroken, match="stack misaligned"):
        run(target, code)


@pytest.mark.parametrize("target", (WINDOWS_ARM64, MACOS_ARM64), ids=lambda row: row.name)
def test_a_misaligned_stack_is_caught_on_arm64(target: Target) -> None:
    code = quiet_call(target, Code().words(0xD10023FF))  # sub sp, sp, #8
    with pytest.raises(RuleBroken, match="stack misaligned"):
        run(target, code)


def test_a_set_direction_flag_is_caught() -> None:
    code = quiet_call(WINDOWS_X86_64, Code().hex(X86_PROLOGUE + "fd"))
    with pytest.raises(RuleBroken, match="direction flag"):
        run(WINDOWS_X86_64, code)


def test_a_clobbered_x18_is_caught_on_windows() -> None:
    code = quiet_call(WINDOWS_ARM64, Code().words(SAVE_LINK, 0xD2800032))  # mov x18, #1
    with pytest.raises(RuleBroken, match="x18"):
        run(WINDOWS_ARM64, code)


def test_x18_does_not_survive_a_call_on_macos() -> None:
    code = Code().words(SAVE_LINK, 0xD2800552)  # mov x18, #42
    code = quiet_call(MACOS_ARM64, code).words(0xAA1203E0, LOAD_LINK, RETURN)  # mov x0, x18
    assert run(MACOS_ARM64, code) != 42


@pytest.mark.parametrize(
    ("name", "set_value", "get_value"),
    [
        ("rcx", "b92a000000", "89c8"),
        ("rdx", "ba2a000000", "89d0"),
        ("r11", "41bb2a000000", "4489d8"),
        ("xmm0", "b82a000000660f6ec0", "660f7ec0"),
        ("xmm5", "b82a000000660f6ee8", "660f7ee8"),
        ("home area", "c70424" + "2a000000", "8b0424"),
        ("below the stack pointer", "c74424f0" + "2a000000", "8b4424f0"),
    ],
)
def test_nothing_volatile_survives_a_call_on_windows_x64(
    name: str, set_value: str, get_value: str
) -> None:
    code = quiet_call(WINDOWS_X86_64, Code().hex(X86_PROLOGUE + set_value)).hex(get_value)
    assert run(WINDOWS_X86_64, code.hex("4883c438c3")) != 42


def test_preserved_registers_survive_a_call_on_windows_x64() -> None:
    # push rsi; sub rsp, 48; mov esi, 42; call; mov eax, esi; add rsp, 48; pop rsi; ret
    code = quiet_call(WINDOWS_X86_64, Code().hex("564883ec30be2a000000"))
    assert run(WINDOWS_X86_64, code.hex("89f04883c4305ec3")) == 42


@pytest.mark.parametrize("target", (WINDOWS_ARM64, MACOS_ARM64), ids=lambda row: row.name)
@pytest.mark.parametrize(
    ("set_value", "get_value"),
    [
        (0xD2800549, 0xAA0903E0),  # x9
        (0xD2800551, 0xAA1103E0),  # x17
        (0x4F000540 | 0x10000 | 1, 0x4E083C20),  # v1 = some lanes; x0 = v1.d[0]
    ],
    ids=["x9", "x17", "v1"],
)
def test_nothing_volatile_survives_a_call_on_arm64(
    target: Target, set_value: int, get_value: int
) -> None:
    before = Code().words(SAVE_LINK, set_value).words(get_value, LOAD_LINK, RETURN)
    after = quiet_call(target, Code().words(SAVE_LINK, set_value))
    after.words(get_value, LOAD_LINK, RETURN)
    assert run(target, before) != run(target, after)


def test_a_start_function_that_clobbers_a_preserved_register_is_caught() -> None:
    with pytest.raises(RuleBroken, match="preserved register"):
        run(WINDOWS_X86_64, Code().hex("be01000000c3"))  # mov esi, 1; ret
    assert run(MACOS_X86_64, Code().hex("be0100000089f0c3")) == 1  # rsi is volatile there
    with pytest.raises(RuleBroken, match="preserved register"):
        run(MACOS_ARM64, Code().words(0xD2800033, RETURN))  # mov x19, #1


@pytest.mark.parametrize("target", (WINDOWS_X86_64, MACOS_X86_64), ids=lambda row: row.name)
def test_the_upper_half_of_a_32_bit_result_is_garbage(target: Target) -> None:
    code = quiet_call(target, Code().hex(X86_PROLOGUE))
    # shr rax, 32; setne al; movzx eax, al
    assert run(target, code.hex("48c1e820 0f95c0 0fb6c0 4883c438c3")) == 1


def test_skipping_the_guard_page_is_fatal_on_windows() -> None:
    # sub rsp, 0x5008; mov [rsp], eax; ret  -> access violation 0xC0000005
    assert run(WINDOWS_X86_64, Code().hex("4881ec08500000890424")) == 0x05
    # sub sp, sp, #0x5000; str x0, [sp]
    assert run(WINDOWS_ARM64, Code().words(0xD14017FF, 0xF90003E0)) == 0x05


def test_touching_every_page_grows_the_stack_on_windows() -> None:
    # mov ecx, 200; mov rax, rsp; 1: sub rax, 4096; mov [rax], ecx; dec ecx; jnz 1b; mov eax, 42
    grow = "b9c80000004889e0482d001000008908ffc975f4b82a000000c3"
    assert run(WINDOWS_X86_64, Code().hex(grow)) == 42
    # mov w9, #200; mov x10, sp; 1: sub x10, x10, #4096; str x9, [x10]; subs w9; b.ne; mov x0, #42
    words = (0x52801909, 0x910003EA, 0xD140054A, 0xF9000149, 0x71000529, 0x54FFFFA1, 0xD2800540)
    assert run(WINDOWS_ARM64, Code().words(*words, RETURN)) == 42


def test_an_endless_stack_overflows_on_windows() -> None:
    # 1: sub rax, 4096; mov [rax], ecx; jmp 1b  with rax = rsp: 0xC00000FD
    assert run(WINDOWS_X86_64, Code().hex("4889e0482d001000008908ebf6")) == 0xFD


@pytest.mark.parametrize(
    ("name", "code", "windows_status", "mac_status"),
    [
        ("null read", "31c08b00", 0x05, 139),
        ("write to code", "488d05000000008900", 0x05, 139),
        ("jump to data", "4889e0ffe0", 0x05, 139),
        ("division by zero", "31c931d2b801000000f7f1", 0x94, 136),
        ("division overflow", "ba00000080 31c0 6a01 f73c24", 0x94, 136),
        ("illegal instruction", "0f0b", 0x1D, 132),
        ("breakpoint", "cc", 0x03, 133),
    ],
)
def test_faults_have_the_status_of_the_system_on_x86_64(
    name: str, code: str, windows_status: int, mac_status: int
) -> None:
    assert run(WINDOWS_X86_64, Code().hex(code)) == windows_status
    assert run(MACOS_X86_64, Code().hex(code)) == mac_status


@pytest.mark.parametrize(
    ("name", "words", "windows_status", "mac_status"),
    [
        ("null read", (0xD2800000, 0xF9400000), 0x05, 139),
        ("write to code", (0x10000000, 0xF9000000), 0x05, 139),
        ("jump to the stack", (0x910003E0, 0xD61F0000), 0x05, 139),
        ("illegal instruction", (0x00000000,), 0x1D, 132),
        ("breakpoint", (0xD4200000,), 0x03, 133),
    ],
)
def test_faults_have_the_status_of_the_system_on_arm64(
    name: str, words: tuple[int, ...], windows_status: int, mac_status: int
) -> None:
    assert run(WINDOWS_ARM64, Code().words(*words)) == windows_status
    assert run(MACOS_ARM64, Code().words(*words)) == mac_status


def test_returning_from_main_is_exit_on_macos() -> None:
    assert run(MACOS_X86_64, Code().hex("b82a010000c3")) == 42
    assert run(MACOS_ARM64, Code().words(0xD2802540, RETURN)) == 42


def test_a_system_call_by_number_works_only_on_macos() -> None:
    # mov eax, 0x2000001; mov edi, 42; syscall
    by_number = "b801000002bf2a0000000f05"
    assert run(MACOS_X86_64, Code().hex(by_number)) == 42
    assert run(WINDOWS_X86_64, Code().hex(by_number)) == 0x1D
    # mov x16, #1; mov x0, #42; svc #0x80
    words = (0xD2800030, 0xD2800540, 0xD4001001)
    assert run(MACOS_ARM64, Code().words(*words)) == 42
    assert run(WINDOWS_ARM64, Code().words(*words)) == 0x1D


def test_a_failing_system_call_sets_the_carry_flag_on_macos() -> None:
    # mov eax, 0x2000006; mov edi, 99 (close); syscall; setc cl; imul eax, ecx -> EBADF 9 * 1
    code = "b806000002bf630000000f05b900000000 0f92c1 0fafc1 c3"
    assert run(MACOS_X86_64, Code().hex(code)) == 9
    # mov x16, #6; mov x0, #99; svc; csel x0, x0, xzr, cs; ret
    words = (0xD28000D0, 0xD2800C60, 0xD4001001, 0x9A9F2000, RETURN)
    assert run(MACOS_ARM64, Code().words(*words)) == 9


def test_the_mode_of_open_is_variadic_on_arm64(tmp_path: object) -> None:
    engine = engine_named("mac-arm64:strict")
    # path on the stack: "f\0"; open(path, O_CREAT|O_WRONLY = 0x201, mode in x2 only): stack
    # holds 0x66 = 'f' where a variadic callee looks, which is mode 0o146
    code = Code().words(
        SAVE_LINK,
        0xD2800CC9,  # mov x9, #'f'
        0xF81F0FE9,  # str x9, [sp, #-16]!
        0x910003E0,  # mov x0, sp
        0xD2804021,  # mov x1, #0x201
        0xD2803482,  # mov x2, #0o644
    )
    code.branch("open").words(0x910043FF, LOAD_LINK, RETURN)  # add sp, sp, #16
    result = engine.run(mac_image(MACOS_ARM64, code), working_folder=tmp_path)  # type: ignore[arg-type]
    assert result.status == 3
    assert (tmp_path / "f").stat().st_mode & 0o777 & ~0o066 == 0o100  # type: ignore[operator]
