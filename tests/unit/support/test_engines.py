"""Every engine behaves alike: streams, arguments, status, time limit, folders, missing tools."""

import struct
import time
from pathlib import Path

import pytest

from mlrift.targets import (
    ANDROID,
    ANDROID_X86_64,
    LINUX,
    LINUX_ARM64,
    LINUX_X86_64,
    MACOS,
    TARGETS,
    X86_64,
    Target,
)
from tests.link.programs import HELLO, link_program
from tests.support.bionic import check_android_image
from tests.support.engines import (
    ENGINES,
    Engine,
    ImageRefused,
    RunTimeout,
    default_engine,
    engine_named,
    engines_for,
)
from tests.support.macho_rules import check_macho
from tests.support.pe_rules import check_pe
from tests.unit.support.images import Code, kernel_image, mac_image, windows_image

every_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)


def loop_forever(target: Target) -> bytes:
    code = Code().hex("ebfe") if target.cpu is X86_64 else Code().words(0x14000000)
    if target.system in (LINUX, ANDROID):
        return kernel_image(target, code)
    return mac_image(target, code) if target.system is MACOS else windows_image(target, code)


def need(engine: Engine) -> None:
    missing = engine.missing()
    if missing:
        pytest.skip(missing)


def test_every_target_has_engines_and_names_are_unique() -> None:
    assert {engine.target.name for engine in ENGINES} == {target.name for target in TARGETS}
    assert len({engine.name for engine in ENGINES}) == len(ENGINES)
    for target in TARGETS:
        assert default_engine(target) is engines_for(target)[0]
        assert all(engine.name.startswith(target.name) for engine in engines_for(target))


@every_engine
def test_hello_is_quick(engine: Engine) -> None:
    need(engine)
    image = link_program(engine.target, HELLO)
    engine.run(image)
    durations = []
    for _ in range(3):
        start = time.perf_counter()
        result = engine.run(image)
        durations.append(time.perf_counter() - start)
        assert (result.stdout, result.stderr, result.status) == (b"hello, world\n", b"", 0)
    assert min(durations) < 0.5  # 5 to 60 ms on an idle machine


@every_engine
def test_an_endless_program_is_stopped(engine: Engine) -> None:
    need(engine)
    image = loop_forever(engine.target)
    start = time.monotonic()
    with pytest.raises(RunTimeout, match="still running after"):
        engine.run(image, timeout_seconds=0.4)
    assert time.monotonic() - start < 8
    assert engine.run(link_program(engine.target)).status == 42


@every_engine
def test_rubbish_is_refused_or_fails(engine: Engine) -> None:
    need(engine)
    strict = ":strict" in engine.name or engine.target.system is ANDROID
    for image in (b"", b"\x7fELF", bytes(4096), b"MZ" + bytes(100)):
        if strict:
            with pytest.raises(ImageRefused):
                engine.run(image)
        else:
            try:
                assert engine.run(image).status != 0
            except OSError:
                assert engine.target is LINUX_X86_64


@every_engine
def test_no_working_folder_means_a_fresh_one(engine: Engine, tmp_path: Path) -> None:
    need(engine)
    before = set(Path.cwd().iterdir())
    assert engine.run(link_program(engine.target), working_folder=tmp_path).status == 42
    assert engine.run(link_program(engine.target)).status == 42
    assert set(Path.cwd().iterdir()) == before


def test_kernel_signals_become_shell_statuses() -> None:
    crash = kernel_image(LINUX_X86_64, Code().hex("31c08b00"))
    result = engine_named("linux-x64").run(crash)
    assert (result.status, result.stderr) == (139, b"")
    foreign = engine_named("linux-arm64:qemu")
    need(foreign)
    result = foreign.run(kernel_image(LINUX_ARM64, Code().words(0xD2800000, 0xF9400000)))
    assert (result.status, result.stderr) == (139, b"")
    division = kernel_image(ANDROID_X86_64, Code().hex("31c931d2b801000000f7f1"))
    assert engine_named("android-x64:native").run(division).status == 136


@pytest.mark.parametrize("target", TARGETS, ids=lambda row: row.name)
def test_mutated_images_only_ever_get_refused(target: Target) -> None:
    """Flip words in the headers: the checks answer, and never fail in another way."""
    image = link_program(target)
    check = {"pe": check_pe, "macho": check_macho, "elf": check_android_image}[
        target.system.object_format.value
    ]
    if target.system is LINUX:
        pytest.skip("the Linux kernel itself checks Linux images")
    refused = 0
    for place in range(0, min(len(image) - 4, 2600), 3):
        for value in (0, 0xFFFFFFFF, 0x7FFFFFFF, 0x1001):
            mutated = bytearray(image)
            struct.pack_into("<I", mutated, place, value)
            try:
                check(bytes(mutated), target.cpu)
            except ImageRefused:
                refused += 1
    assert refused > 100
