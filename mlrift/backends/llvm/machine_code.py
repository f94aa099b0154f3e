"""Functions that are machine code: assembly to bytes, and bytes to what LLVM takes for a function.

LLVM's own assembler knows only the CPU it runs on, and ends the process for any other; so assembly
is encoded by our tables. LLVM puts the bytes in front of a body of its own, which nothing reaches
unless the bytes run on into it: then it returns.
"""

from mlrift.backends.errors import BackendError
from mlrift.backends.llvm.target import HostTarget
from mlrift.ir.assembly import Assembly, UnknownInstruction
from mlrift.ir.core import Function


def encode_assembly(function: Function, assembly: Assembly, target: HostTarget) -> bytes:
    """Return the machine code of a function with assembly."""
    try:
        code = b"".join([target.assembler.encode(text) for text in assembly.instructions])
    except UnknownInstruction as error:
        raise BackendError(
            f"in function `{function.name}`: no instruction of {target.cpu.name}: {error}"
        ) from error
    unknown = {*assembly.inputs, *assembly.outputs} - target.assembler.registers
    if unknown:
        raise BackendError(
            f"in function `{function.name}`: no register of {target.cpu.name}: {min(unknown)}"
        )
    if function.is_naked:
        return code
    return target.encode_block(code, assembly.inputs, assembly.outputs)


def machine_code_body(code: bytes, result: str) -> str:
    """Return what follows the head of a definition: the code, and the body that LLVM sees.

    That body is empty assembly which may change memory and gives any value.
    """
    if not code:
        prologue = ""
    else:
        kind = f"<{{ {', '.join(['i8'] * len(code))} }}>"
        rows = ", ".join([f"i8 {byte}" for byte in code])
        prologue = f" prologue {kind} <{{ {rows} }}>"
    if result == "void":
        body = '  call void asm sideeffect "", "~{memory}"()\n  ret void'
    else:
        body = f'  %r = call {result} asm sideeffect "", "=r,~{{memory}}"()\n  ret {result} %r'
    return f"{prologue} {{\n{body}\n}}"
