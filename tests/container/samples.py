"""Slices to pack, the command line of `mlr`, and the probe program's source."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from mlrift import targets
from mlrift.container.fat import Slice

ROOT = Path(__file__).resolve().parents[2]
RunMlr = Callable[..., subprocess.CompletedProcess[bytes]]

PROBE_SOURCE = r"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(int count, char **words) {
    struct sigaction pipe_action, size_action;
    char self[4096] = "";
    if (count > 1 && !strcmp(words[1], "abort")) raise(SIGKILL);
    if (count > 1 && !strcmp(words[1], "wait")) { puts("ready"); fflush(stdout); pause(); }
    if (count > 1 && !strcmp(words[1], "environment")) {
        for (char **row = environ; *row; row++) puts(*row);
        return 0;
    }
    for (int i = 0; i < count; i++) printf("%s\n", words[i]);
    sigaction(SIGPIPE, 0, &pipe_action);
    sigaction(SIGXFSZ, 0, &size_action);
    printf("default=%d\n", pipe_action.sa_handler == SIG_DFL && size_action.sa_handler == SIG_DFL);
    if (readlink("/proc/self/exe", self, sizeof self - 1) > 0) printf("exe=%s\n", self);
    return count > 1 ? atoi(words[1]) : 0;
}
"""


def make_slices(seed: int, size_bytes: int) -> list[Slice]:
    """Return eight slices whose code is mostly the same within a CPU, with calls to filter."""
    chance = random.Random(seed)
    slices = []
    for cpu in targets.CPUS:
        words = [
            chance.choice((b"\xe8\x10\x00\x00\x00", b"\x90", b"\x04\x00\x00\x94", b"\x1f\x20"))
            + chance.randbytes(chance.randrange(4))
            for _ in range(size_bytes // 5)
        ]
        code = b"".join(words)
        for system in targets.SYSTEMS:
            header = bytes([system.os_id]) * 64 + bytes(200 * (1 + system.os_id))
            slices.append(
                Slice(targets.target_for(system, cpu), header + code + bytes([cpu.elf_machine]))
            )
    chance.shuffle(slices)
    return slices


def mlr_command(*arguments: str | Path, prelude: str = "") -> list[str]:
    """Return the command line that runs `mlr`, after Python statements that prepare a case."""
    code = f"import sys\n{prelude}\nfrom mlrift.cli.mlr import main\nsys.exit(main())"
    return [sys.executable, "-c", code, *map(str, arguments)]
