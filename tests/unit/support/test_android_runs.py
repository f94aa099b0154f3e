"""Android's rules: what the loader refuses, what seccomp kills, and what the stand-in starts."""

import functools
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mlrift.targets import ANDROID_ARM64, ANDROID_X86_64, CPUS, Cpu, Target
from tests.link.programs import link_program
from tests.support.android import traced_calls, without_interpreter
from tests.support.android_syscalls import ALLOWED_SYSCALLS
from tests.support.bionic import check_android_image
from tests.support.engines import Engine, ImageRefused, RuleBroken, engine_named, engines_for
from tests.support.seccomp_filter import build_filter
from tests.support.stand_in import INTERPRETER_PATH, android_root, stand_in_image
from tests.unit.support.images import Code, kernel_image

TARGETS = (ANDROID_X86_64, ANDROID_ARM64)
every_target = pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
Mutation = Callable[[bytearray], None]
LOAD, DYNAMIC, INTERP, PHDR, STACK = 1, 2, 3, 6, 0x6474E551


def ready(name: str) -> Engine:
    engine = engine_named(name)
    missing = engine.missing()
    if missing:
        pytest.skip(missing)
    return engine


@functools.cache
def good_image(target: Target) -> bytes:
    return link_program(target)


def find_segment(image: bytes | bytearray, kind: int, flags: int | None = None) -> int:
    table = struct.unpack_from("<Q", image, 32)[0]
    for position in range(table, table + 56 * struct.unpack_from("<H", image, 56)[0], 56):
        found, rights = struct.unpack_from("<II", image, position)
        if found == kind and flags in (None, rights):
            return position
    raise LookupError(f"no program header of type {kind:#x}")


def segment(
    kind: int, offset: int, value: int, layout: str = "<Q", flags: int | None = None
) -> Mutation:
    return lambda image: struct.pack_into(
        layout, image, find_segment(image, kind, flags) + offset, value
    )


def header(offset: int, layout: str, value: int) -> Mutation:
    return lambda image: struct.pack_into(layout, image, offset, value)


def tag(number: int, value: int | None, new_number: int | None = None) -> Mutation:
    """Return a mutation of one dynamic table row: its value or its tag."""

    def mutate(image: bytearray) -> None:
        position = struct.unpack_from("<Q", image, find_segment(image, DYNAMIC) + 8)[0]
        while struct.unpack_from("<Q", image, position)[0] != number:
            position += 16
        if new_number is not None:
            struct.pack_into("<Q", image, position, new_number)
        if value is not None:
            struct.pack_into("<Q", image, position + 8, value)

    return mutate


def outgrow_the_file(image: bytearray) -> None:
    for offset in (32, 40):
        segment(LOAD, offset, 1 << 20, flags=6)(image)


def shrink_dynamic_section(image: bytearray) -> None:
    table, count = struct.unpack_from("<Q", image, 40)[0], struct.unpack_from("<H", image, 60)[0]
    for position in range(table, table + 64 * count, 64):
        if struct.unpack_from("<I", image, position + 4)[0] == 6:
            struct.pack_into("<Q", image, position + 32, 16)


MUTATIONS: tuple[tuple[str, Mutation], ...] = (
    ("not a little-endian ELF64", header(4, "<B", 1)),
    ("e_machine", header(18, "<H", 40)),
    ("ET_DYN", header(16, "<H", 2)),
    ("e_phentsize", header(54, "<H", 32)),
    ("outside the file", header(32, "<Q", 1 << 30)),
    ("entry", header(24, "<Q", 0x4000000)),
    ("both writable and executable", segment(LOAD, 4, 7, "<I", flags=6)),
    ("below 16 KiB", segment(LOAD, 48, 0x1000)),
    ("not a power of two", segment(LOAD, 48, 0x6000)),
    ("p_offset and p_vaddr", segment(LOAD, 16, 0x404123, flags=6)),
    ("p_filesz exceeds", segment(LOAD, 40, 1)),
    ("ends after the file", outgrow_the_file),
    ("linker64", lambda image: image.__setitem__(image.index(b"linker64") + 6, 0x33)),
    ("0 PT_INTERP", segment(INTERP, 0, 0, "<I")),
    ("0 PT_DYNAMIC", segment(DYNAMIC, 0, 0, "<I")),
    ("0 PT_PHDR", segment(PHDR, 0, 0, "<I")),
    ("executable stack", segment(STACK, 4, 7, "<I")),
    ("0 PT_GNU_STACK", segment(STACK, 0, 0, "<I")),
    ("DT_STRTAB", tag(5, 0)),
    ("DT_SYMTAB", tag(6, 0)),
    ("DT_HASH", tag(4, None, 0x6FFFFFFF)),
    ("DT_SYMENT", tag(11, 16)),
    ("DT_STRSZ", tag(10, 0)),
    ("DT_RELAENT", tag(9, 16)),
    ("DT_RELASZ is no multiple", tag(8, 23)),
    ("DT_REL ", tag(9, None, 17)),
    ("DT_TEXTREL", tag(9, None, 22)),
    ("e_shentsize", header(58, "<H", 0)),
    ("e_shnum", header(60, "<H", 0)),
    ("e_shstrndx", header(62, "<H", 0)),
    ("section headers outside", header(40, "<Q", 1 << 30)),
    ("size differs from PT_DYNAMIC", shrink_dynamic_section),
)


@every_target
def test_a_good_image_is_accepted_and_runs_everywhere(target: Target) -> None:
    check_android_image(good_image(target), target.cpu)
    for engine in engines_for(target):
        if engine.missing() is None:
            assert engine.run(good_image(target)).status == 42, engine.name


@every_target
@pytest.mark.parametrize(("rule", "mutate"), MUTATIONS, ids=[rule for rule, _ in MUTATIONS])
def test_a_broken_rule_is_refused(target: Target, rule: str, mutate: Mutation) -> None:
    image = bytearray(good_image(target))
    mutate(image)
    with pytest.raises(ImageRefused, match=rule):
        check_android_image(bytes(image), target.cpu)


@every_target
def test_truncation_is_always_refused(target: Target) -> None:
    image = good_image(target)
    for size_bytes in range(0, len(image) - 1, 41):
        with pytest.raises(ImageRefused):
            check_android_image(image[:size_bytes], target.cpu)


def test_every_engine_checks_the_rules_first() -> None:
    for target in TARGETS:
        image = bytearray(good_image(target))
        header(16, "<H", 2)(image)
        for engine in engines_for(target):
            if engine.missing() is None:
                with pytest.raises(ImageRefused, match="ET_DYN"):
                    engine.run(bytes(image))


def exit_after(number: int) -> Code:
    """Return x86_64 code: system call `number` with zero arguments, then exit_group(42)."""
    call = "31ff31f631d2b8" + number.to_bytes(4, "little").hex() + "0f05"
    return Code().hex(call + "bf2a000000b8e70000000f05")


def test_a_forbidden_system_call_is_killed_under_seccomp_only() -> None:
    image = kernel_image(ANDROID_X86_64, exit_after(102))  # getuid
    assert ready("android-x64:native").run(image).status == 42
    assert ready("android-x64:seccomp").run(image).status == 128 + 31


def test_legacy_calls_are_killed_and_allowed_ones_are_not() -> None:
    engine = ready("android-x64:seccomp")
    for name, number in (("access", 21), ("poll", 7), ("pipe", 22), ("rename", 82), ("rseq", 334)):
        assert engine.run(kernel_image(ANDROID_X86_64, exit_after(number))).status == 159, name
    for name in ("getpid", "sched_yield", "openat", "madvise"):
        image = kernel_image(ANDROID_X86_64, exit_after(ALLOWED_SYSCALLS[name]))
        assert engine.run(image).status == 42, name


def test_seccomp_passes_arguments_environment_and_input() -> None:
    engine = ready("android-x64:seccomp")
    # mov rdi, [rsp] (argc); exit_group
    image = kernel_image(ANDROID_X86_64, Code().hex("488b3c24b8e70000000f05"))
    assert engine.run(image, arguments=("one", "two words", "")).status == 4


def test_a_forbidden_system_call_is_found_in_the_arm64_trace() -> None:
    # mov x8, #174 (getuid); svc; mov x0, #42; mov x8, #94; svc
    code = Code().words(0xD28015C8, 0xD4000001, 0xD2800540, 0xD2800BC8, 0xD4000001)
    image = kernel_image(ANDROID_ARM64, code)
    assert ready("android-arm64:qemu").run(image).status == 42
    with pytest.raises(RuleBroken, match="getuid"):
        ready("android-arm64:strace").run(image)


def test_the_trace_reader_knows_qemus_lines() -> None:
    log = "17 write(1,0x5500,3) = 3\nexit_group(42)\nUnknown syscall 451\n--- SIGSEGV {} ---\n"
    assert traced_calls(log) == {"write", "exit_group", "Unknown syscall 451"}


def test_the_filter_traps_foreign_architectures_and_unknown_calls() -> None:
    rows = list(struct.iter_unpack("<HBBI", build_filter([1, 60])))
    assert rows[1] == (0x15, 1, 0, 0xC000003E)
    assert rows[2] == (0x06, 0, 0, 0x30000)
    assert rows[-1] == (0x06, 0, 0, 0x30000)
    assert [row[3] for row in rows if row[0] == 0x15] == [0xC000003E, 1, 60]


def test_the_numbers_of_allowed_calls_are_the_kernels() -> None:
    table = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not table.exists():
        pytest.skip("the kernel's headers (Debian package linux-libc-dev)")
    words = [line.split() for line in table.read_text().splitlines() if "__NR_" in line]
    numbers = {row[1].removeprefix("__NR_"): int(row[2]) for row in words if len(row) == 3}
    assert {name: numbers[name] for name in ALLOWED_SYSCALLS} == ALLOWED_SYSCALLS


@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_the_stand_in_is_an_elf_file_that_binutils_understands(cpu: Cpu) -> None:
    assert (android_root(cpu) / INTERPRETER_PATH).read_bytes() == stand_in_image(cpu)
    if shutil.which("readelf") is None:
        pytest.skip("readelf (Debian package binutils)")
    command = ["readelf", "-hlW", str(android_root(cpu) / INTERPRETER_PATH)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "DYN" in shown.stdout
    assert "R E 0x10000" in shown.stdout
    assert not shown.stderr


def test_removing_the_interpreter_changes_nothing_else() -> None:
    image = good_image(ANDROID_X86_64)
    patched = without_interpreter(image)
    place = find_segment(image, INTERP)
    assert patched[place : place + 4] == bytes(4)
    assert patched[:place] + image[place : place + 4] + patched[place + 4 :] == image
