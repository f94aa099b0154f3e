"""Objects of the parts of a program: those that the cache has are not compiled again.

The text that LLVM would compile is the key of an object, so a changed program, and another one with
the same library, share what is the same.
"""

from collections.abc import Sequence

from mlrift.backends.llvm.objects import CodegenOptions, compile_texts, texts_for
from mlrift.driver.cache import Cache, digest
from mlrift.driver.fingerprint import back_end_fingerprint
from mlrift.ir.core import Module
from mlrift.targets import Cpu


def compile_units(
    modules: Sequence[Module],
    cpus: Sequence[Cpu],
    options: CodegenOptions,
    cache: Cache,
) -> dict[str, list[bytes]]:
    """Return the objects of modules by CPU name; the cache keeps those of all but the first."""
    return _compile(modules, cpus, options, cache, modules[:1])


def compile_parts(
    modules: Sequence[Module], cpus: Sequence[Cpu], options: CodegenOptions, cache: Cache
) -> dict[str, list[bytes]]:
    """Return the objects of modules by CPU name; the cache keeps all of them."""
    return _compile(modules, cpus, options, cache, ())


def _compile(
    modules: Sequence[Module],
    cpus: Sequence[Cpu],
    options: CodegenOptions,
    cache: Cache,
    passing: Sequence[Module],
) -> dict[str, list[bytes]]:
    """Compile modules; those that are `passing` change with each program, and are not kept."""
    keys: list[str] = []
    fingerprint = back_end_fingerprint()
    jobs: list[tuple[str, Cpu]] = []
    for module in modules:
        texts = texts_for(module, cpus, options)
        for cpu in cpus:
            jobs.append((texts[cpu.name], cpu))
            is_kept = all(module is not row for row in passing)
            keys.append(digest("part", fingerprint, cpu.name, texts[cpu.name]) if is_kept else "")
    known = {place: cache.get(key) for place, key in enumerate(keys) if key}
    missing = [place for place in range(len(jobs)) if known.get(place) is None]
    made = dict(zip(missing, compile_texts([jobs[row] for row in missing], options), strict=True))
    objects: dict[str, list[bytes]] = {cpu.name: [] for cpu in cpus}
    for place, (_, cpu) in enumerate(jobs):
        data = known.get(place) or made[place]
        if place in made and keys[place]:
            cache.put(keys[place], data)
        objects[cpu.name].append(data)
    return objects
