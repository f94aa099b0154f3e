"""This machine as a target row: the kernel's names in, a `Host` out.

The names are looked up in `targets`; nothing here knows what a system is called, except that the
presence of Android's dynamic linker says Android where the kernel says Linux.
"""

import os
import sys

from mlrift.targets import Target, find_cpu, find_system, target_for
from mlrift.values import record

ANDROID_LINKER = "/system/bin/linker64"


@record
class Host:
    """A machine: the names it gives itself, its target if it is one of ours, and how we know."""

    system_name: str
    machine_name: str
    target: Target | None
    evidence: str


def this_host() -> Host:
    """Return the machine this process runs on."""
    if hasattr(os, "uname"):
        uname = os.uname()
        system_name, machine_name = uname.sysname, uname.machine
        evidence = "uname"
    else:  # only Windows has no uname; its Python names the CPU as in "... 64 bit (AMD64)]"
        system_name = "windows"
        machine_name = sys.version.rpartition("(")[2].partition(")")[0]
        evidence = "the Python in use"
    if os.path.exists(ANDROID_LINKER):
        system_name, evidence = "android", f"{ANDROID_LINKER} exists"
    return host_named(system_name, machine_name, evidence)


def host_named(system_name: str, machine_name: str, evidence: str) -> Host:
    """Return the host whose kernel gives these names, in any case."""
    system = find_system(system_name.lower())
    cpu = find_cpu(machine_name.lower())
    target = target_for(system, cpu) if system is not None and cpu is not None else None
    return Host(system_name, machine_name, target, evidence)
