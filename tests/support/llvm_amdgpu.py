"""LLVM as an oracle for AMD GPU code: llvm-mc for text, llvmlite for whole functions.

llvm-mc is looked for by name and must be of version 22 (an older one knows our chips less well, and
takes an unknown gfx name with a mere warning).
"""

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from io import BytesIO

import llvmlite.binding as llvm
from elftools.elf.elffile import ELFFile

from mlrift.backends.amdgcn.chips import Generation
from tests.support.llvm_tools import llvm_tool

CHIPS = {
    Generation.GFX10: "gfx1030",
    Generation.GFX11: "gfx1100",
    Generation.GFX12: "gfx1201",
}
TRIPLE = "amdgcn-amd-amdhsa"
OLDEST_LLVMLITE = (22, 0, 0)
_ERROR = re.compile(r"<stdin>:(\d+):\d+: error: (.*)")
_WARNING = re.compile(r"<stdin>:(\d+):\d+: warning: ")
_MARK = bytes.fromhex("5a5a80bf")
_ENCODING = re.compile(r"encoding: \[([^\]]*)\]")


def assemble(texts: list[str], generation: Generation) -> list[bytes | str]:
    """Return what llvm-mc makes of each line: its bytes, or the message why it is refused."""
    command = [llvm_tool("llvm-mc"), f"-triple={TRIPLE}", f"-mcpu={CHIPS[generation]}"]
    done = subprocess.run(
        [*command, "-show-encoding"],
        input="\n".join(texts),
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    refused = {int(line): reason for line, reason in _ERROR.findall(done.stderr)}
    encodings = iter(_ENCODING.findall(done.stdout))
    return [
        refused[line] if line in refused else bytes(int(part, 16) for part in encoding.split(","))
        for line in range(1, len(texts) + 1)
        for encoding in ([""] if line in refused else [next(encodings)])
    ]


def disassemble(codes: list[bytes], generation: Generation) -> list[str | None]:
    """Return the text that llvm-mc gives each code, None for what it refuses or doubts."""
    mark = "s_nop 0x5a5a"
    lines = [f"{_byte_list(code)}\n{_byte_list(_MARK)}" for code in codes]
    command = [llvm_tool("llvm-mc"), f"-triple={TRIPLE}", f"-mcpu={CHIPS[generation]}"]
    done = subprocess.run(
        [*command, "-disassemble"],
        input="\n".join(lines),
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    doubted = {int(line) // 2 for line in _WARNING.findall(done.stderr)}
    parts = done.stdout.split(f"\t{mark}")[:-1]
    assert len(parts) == len(codes)
    texts = ["\n".join(part.partition(";")[0].strip().splitlines()) for part in parts]
    return [
        None if number in doubted or not text or "/*" in text else text
        for number, text in enumerate(texts)
    ]


def _byte_list(code: bytes) -> str:
    return f"[{','.join(f'{byte:#04x}' for byte in code)}]"


@dataclass(frozen=True)
class CompiledFunction:
    """A function that LLVM compiled: the lines of its assembly, and the bytes of its code."""

    lines: tuple[str, ...]
    code: bytes


@cache
def _initialise() -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()


def compile_with_llvmlite(module_text: str, generation: Generation) -> CompiledFunction:
    """Return the text and the bytes of a module with one kernel."""
    assert llvm.llvm_version_info >= OLDEST_LLVMLITE
    _initialise()
    target = llvm.Target.from_triple(TRIPLE)
    machine = target.create_target_machine(cpu=CHIPS[generation], opt=2)
    text = machine.emit_assembly(llvm.parse_assembly(module_text))
    elf = ELFFile(BytesIO(machine.emit_object(llvm.parse_assembly(module_text))))
    section = elf.get_section_by_name(".text")
    assert section is not None
    return CompiledFunction(tuple(_instruction_lines(text)), section.data())


def _instruction_lines(assembly: str) -> list[str]:
    """Return the instructions of an assembly listing, without comments."""
    lines = []
    for line in assembly.partition("\t.section\t.rodata")[0].splitlines():
        bare = line.partition(";")[0].strip()
        if line.startswith("\t") and bare and not bare.startswith("."):
            lines.append(bare)
    return lines
