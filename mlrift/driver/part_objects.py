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
    keys: list[str] = []
    fingerprint = back_end_fingerprint()
    jobs: list[tuple[str, Cpu]] = []
    for place, module in enumerate(modules):
        texts = texts_for(module, cpus, options)
        for cpu in cpus:
            jobs.append((texts[cpu.name], cpu))
            key = digest("part", fingerprint, cpu.name, texts[cpu.name]) if place else ""
            keys.append(key)
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
