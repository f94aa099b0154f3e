"""Reading LLVM's objects: what is kept, what is refused, and mutated input."""

import random
import struct

import pytest

from mlrift.link.errors import LinkError
from mlrift.link.image import LinkOptions, link
from mlrift.link.objects import Binding, ObjectFile, SectionKind
from mlrift.link.read_elf import read_elf
from mlrift.targets import CPUS, LINUX_ARM64, TARGETS, X86_64, Cpu
from tests.link.programs import PROGRAM, compile_bytes, compile_object, kernel_gates

MUTATIONS = 1500

STUB = """
@gate = internal constant [2 x i32] [i32 1, i32 2], section ".text.gate"
@table = hidden constant [2 x ptr] [ptr @gate, ptr @f]
define internal i64 @f() noinline { ret i64 1 }
define hidden i64 @g() { %r = call i64 @f()
  %s = call i64 @gate()
  ret i64 %s }
"""


def kinds(unit: ObjectFile) -> dict[str, SectionKind]:
    return {section.name: section.kind for section in unit.sections}


@pytest.mark.parametrize("cpu", CPUS, ids=lambda cpu: cpu.name)
def test_sections_are_classified_and_metadata_dropped(cpu: Cpu) -> None:
    found = kinds(compile_object("program.o", PROGRAM, cpu))
    assert found[".text"] is SectionKind.CODE
    assert found[".data"] is SectionKind.DATA
    assert found[".bss"] is SectionKind.ZERO
    assert found[".data.rel.ro"] is SectionKind.RELOCATED_CONSTANT
    assert not [name for name in found if name.startswith((".eh_frame", ".note", ".comment"))]


@pytest.mark.parametrize("cpu", CPUS, ids=lambda cpu: cpu.name)
def test_constants_in_text_sections_are_code(cpu: Cpu) -> None:
    assert kinds(compile_object("stub.o", STUB, cpu))[".text.gate"] is SectionKind.CODE


@pytest.mark.parametrize("cpu", CPUS, ids=lambda cpu: cpu.name)
def test_relocations_name_symbols_the_object_has(cpu: Cpu) -> None:
    unit = compile_object("stub.o", STUB, cpu)
    assert unit.symbols["g"].is_function
    assert unit.symbols["g"].binding is Binding.GLOBAL
    for section in unit.sections:
        for relocation in section.relocations:
            symbol = unit.symbols[relocation.symbol]
            assert symbol.section_index is not None
    local = [name for name, symbol in unit.symbols.items() if symbol.binding is Binding.LOCAL]
    assert any(name.startswith("f.") for name in local)


def test_thread_local_data_common_symbols_and_constructors_are_refused() -> None:
    with pytest.raises(LinkError, match="thread-local"):
        compile_object("t.o", "@x = hidden thread_local global i32 1", X86_64)
    with pytest.raises(LinkError, match="common symbol"):
        compile_object("c.o", "@x = common global i32 0", X86_64)
    constructors = (
        "@llvm.global_ctors = appending global [1 x { i32, ptr, ptr }] "
        "[{ i32, ptr, ptr } { i32 1, ptr @f, ptr null }]\n"
        "define hidden void @f() { ret void }"
    )
    with pytest.raises(LinkError, match="constructors"):
        compile_object("i.o", constructors, X86_64)


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "not a 64-bit"),
        (b"\x7fELF" + bytes(60), "not a 64-bit"),
        (b"MZ" + bytes(100), "not a 64-bit"),
    ],
)
def test_other_files_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(LinkError, match=message):
        read_elf(data, "x.o")


def test_objects_of_another_cpu_and_executables_are_refused() -> None:
    data = compile_bytes(PROGRAM, X86_64)
    with pytest.raises(LinkError, match="object is for ELF machine 62, linux-arm64 needs 183"):
        link([read_elf(data, "x.o")], LINUX_ARM64, LinkOptions())
    executable = bytearray(data)
    struct.pack_into("<H", executable, 16, 2)
    with pytest.raises(LinkError, match="ELF type 2"):
        read_elf(bytes(executable), "x.o")


@pytest.mark.parametrize("cpu", CPUS, ids=lambda cpu: cpu.name)
def test_mutated_objects_raise_nothing_but_link_errors(cpu: Cpu) -> None:
    data = compile_bytes(PROGRAM, cpu)
    gates = kernel_gates(cpu)
    targets = [row for row in TARGETS if row.cpu is cpu]
    chooser = random.Random(20240501)
    headers = struct.unpack_from("<Q", data, 40)[0]
    refused = 0
    for _ in range(MUTATIONS):
        mutant = bytearray(data)
        for _ in range(chooser.randint(1, 4)):
            first = chooser.choice((0, 0, headers))
            at = chooser.randrange(first, len(mutant))
            mutant[at] = chooser.choice((0, 1, 0x7F, 0xFF, chooser.randrange(256)))
        if chooser.random() < 0.1:
            del mutant[chooser.randrange(len(mutant)) :]
        try:
            unit = read_elf(bytes(mutant), "mutant.o")
            link(
                [unit, gates],
                chooser.choice(targets),
                LinkOptions(entry="multiply", keep=("program",)),
            )
        except LinkError:
            refused += 1
    assert MUTATIONS // 20 < refused < MUTATIONS * 19 // 20
