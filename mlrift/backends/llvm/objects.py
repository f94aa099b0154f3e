"""IR modules to LLVM text, objects and assembly listings: the face of the LLVM back end.

All functions are re-entrant; two CPUs may be compiled in two threads. They raise `BackendError`.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mlrift.backends import BackendError, target_of
from mlrift.backends.llvm.library import (
    MachineHandle,
    ModuleHandle,
    OutputKind,
    Passes,
    library,
)
from mlrift.backends.llvm.module import ModuleText, write_module
from mlrift.backends.llvm.options import (
    CodegenOptions,
    DebugInfo,
    FunctionAddresses,
    JumpTables,
    ObjectFlavour,
    OptimisationLevel,
)
from mlrift.backends.llvm.plain_names import plain_assembly, plain_object
from mlrift.backends.llvm.support import support_text
from mlrift.ir.core import Module
from mlrift.link.read_elf import read_elf
from mlrift.targets import Cpu
from mlrift.values import replace

__all__ = [
    "CodegenOptions",
    "DebugInfo",
    "FunctionAddresses",
    "JumpTables",
    "ObjectFlavour",
    "OptimisationLevel",
    "compile_assembly",
    "compile_listing",
    "compile_object",
    "compile_objects",
    "compile_support",
    "compile_texts",
    "emit_llvm",
    "optimised_llvm",
    "texts_for",
    "verify_llvm",
]

MOST_THREADS = 8
_PASSES = {
    OptimisationLevel.NONE: Passes.NONE,
    OptimisationLevel.FULL: Passes.DEFAULT,
    OptimisationLevel.SIZE: Passes.DEFAULT,
}


def emit_llvm(module: Module, cpu: Cpu, options: CodegenOptions) -> str:
    """Return the LLVM assembly of a module, before LLVM's own passes."""
    target = target_of(cpu)
    return write_module(module, target, options).for_target(target)


def verify_llvm(text: str) -> None:
    """Raise `BackendError` when LLVM's parser or verifier rejects the text."""
    loaded = library()
    with loaded.module(text) as module:
        loaded.verify(module)


def optimised_llvm(module: Module, cpu: Cpu, options: CodegenOptions) -> str:
    """Return the LLVM assembly of a module after LLVM's passes of the level."""
    with _prepared(emit_llvm(module, cpu, options), cpu, options) as (parsed, _machine):
        return library().print(parsed)


def compile_object(module: Module, cpu: Cpu, options: CodegenOptions) -> bytes:
    """Return the relocatable object of a module."""
    return _object(emit_llvm(module, cpu, options), cpu, options)


def compile_objects(
    module: Module, cpus: Sequence[Cpu], options: CodegenOptions
) -> dict[str, bytes]:
    """Return the objects of a module by CPU name, generated side by side in threads."""
    texts = texts_for(module, cpus, options)
    made = compile_texts([(texts[cpu.name], cpu) for cpu in cpus], options)
    return {cpu.name: data for cpu, data in zip(cpus, made, strict=True)}


def texts_for(module: Module, cpus: Sequence[Cpu], options: CodegenOptions) -> dict[str, str]:
    """Return the LLVM text of a module by CPU name."""
    texts: dict[str, str] = {}
    written: ModuleText | None = None
    for cpu in cpus:
        target = target_of(cpu)
        if written is None or not written.is_shared:
            written = write_module(module, target, options)
        texts[cpu.name] = written.for_target(target)
    return texts


def compile_texts(jobs: Sequence[tuple[str, Cpu]], options: CodegenOptions) -> list[bytes]:
    """Return the objects of LLVM texts, generated side by side in threads, the first ones first."""
    results: list[bytes | BackendError] = [b""] * len(jobs)
    pending = iter(range(len(jobs)))

    def generate() -> None:
        for place in pending:  # whoever is ready takes the next: `next` of a range is atomic
            text, cpu = jobs[place]
            try:
                results[place] = _object(text, cpu, options)
            except BackendError as error:
                results[place] = error

    count = min(len(jobs), os.cpu_count() or 1, MOST_THREADS)
    threads = [threading.Thread(target=generate) for _ in range(count - 1)]
    for thread in threads:
        thread.start()
    generate()
    for thread in threads:
        thread.join()
    objects: list[bytes] = []
    for result in results:
        if isinstance(result, BackendError):
            raise result
        objects.append(result)
    return objects


def compile_assembly(module: Module, cpu: Cpu, options: CodegenOptions) -> str:
    """Return the assembly listing of a module in LLVM's syntax for the CPU."""
    text = emit_llvm(module, cpu, options)
    with _prepared(text, cpu, options) as (parsed, machine):
        return plain_assembly(library().emit(parsed, machine, OutputKind.ASSEMBLY).decode())


def compile_listing(module: Module, cpu: Cpu, options: CodegenOptions) -> str:
    """Return the listing of a module: offsets, bytes and assembly of every function."""
    target = target_of(cpu)
    portable = replace(options, flavour=ObjectFlavour.PORTABLE, debug=DebugInfo.NONE)
    text = emit_llvm(module, cpu, portable)
    emitted = []
    for kind in (OutputKind.ASSEMBLY, OutputKind.OBJECT):
        with _prepared(text, cpu, portable) as (parsed, machine):
            emitted.append(library().emit(parsed, machine, kind))
    compiled = read_elf(emitted[1], module.name)
    from mlrift.backends.llvm.listing import write_listing  # noqa: PLC0415 - rarely asked for

    return write_listing(emitted[0].decode(), compiled, module, target)


def compile_support(cpu: Cpu) -> bytes:
    """Return the object with the C functions that LLVM may call by itself (memcpy, ...).

    The text is already in its final shape, so only instruction selection optimises it.
    """
    loaded = library()
    with (
        loaded.module(support_text(target_of(cpu))) as module,
        loaded.machine(cpu.triple, cpu.baseline, cpu.features, Passes.DEFAULT) as machine,
    ):
        return loaded.emit(module, machine, OutputKind.OBJECT)


def _object(text: str, cpu: Cpu, options: CodegenOptions) -> bytes:
    with _prepared(text, cpu, options) as (parsed, machine):
        data = library().emit(parsed, machine, OutputKind.OBJECT)
    if options.flavour is ObjectFlavour.PORTABLE and options.debug is not DebugInfo.FULL:
        return data
    return plain_object(data, options.object_format)


@contextmanager
def _prepared(
    text: str, cpu: Cpu, options: CodegenOptions
) -> Iterator[tuple[ModuleHandle, MachineHandle]]:
    """Parse, verify and optimise a text: LLVM aborts the process on what its verifier rejects."""
    loaded = library()
    passes = _PASSES[options.level]
    triple = target_of(cpu).triple(options.native_system)
    with (
        loaded.module(text) as parsed,
        loaded.machine(triple, cpu.baseline, cpu.features, passes) as machine,
    ):
        loaded.verify(parsed)
        if passes is not Passes.NONE:
            loaded.optimise(parsed, machine)
        yield parsed, machine
