"""The programs that ours are compared with: a virtual environment of their own, made when needed.

It lies in the user's cache folder, apart from the compiler's. A peer that cannot be installed is
not an error: the reason takes the place of its figures.
"""

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

_PYTORCH_INDEX = "https://download.pytorch.org/whl/cpu"
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Peer:
    """A package: the module it gives and what to ask pip for, the first that works."""

    module: str
    choices: tuple[tuple[str, ...], ...]


class PeerMissing(Exception):
    """A peer that is not there and cannot be installed; the text says why."""


# Brian2 2.9 uses what numpy 2.4 has dropped.
BRIAN = Peer("brian2", (("brian2", "numpy<2.4"),))
# The first is small, where it is to be had; the last brings what graphics cards need.
TORCH = Peer(
    "torch",
    (
        ("torch==2.13.0+cpu", "numpy<2.4"),
        ("torch", "numpy<2.4", "--index-url", _PYTORCH_INDEX),
        ("torch", "numpy<2.4"),
    ),
)
TRANSFORMERS = Peer(
    "transformers",
    (
        ("transformers", "torch==2.13.0+cpu", "numpy<2.4"),
        ("transformers", "torch", "numpy<2.4", "--extra-index-url", _PYTORCH_INDEX),
        ("transformers", "torch", "numpy<2.4"),
    ),
)
MATPLOTLIB = Peer("matplotlib", (("matplotlib", "numpy<2.4"),))


def peer_python(peer: Peer) -> Path:
    """Return a Python that can import the peer, which is installed if need be."""
    python = peers_folder() / "bin" / "python"
    if not python.exists():
        print(f"making {peers_folder()} for the peers", file=sys.stderr)
        venv.create(peers_folder(), with_pip=True)
    if _imports(python, peer):
        return python
    reason = ""
    for choice in peer.choices:
        print(f"installing {choice[0]}", file=sys.stderr)
        words = (str(python), "-m", "pip", "install", "--quiet", *choice)
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode == 0 and _imports(python, peer):
            return python
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = lines[-1][:_SHOWN_CHARACTERS] if lines else "it cannot be imported"
    raise PeerMissing(f"{peer.module} cannot be installed: {reason}")


def installed_python(peer: Peer) -> Path | None:
    """Return a Python that can import the peer, None if there is none yet."""
    python = peers_folder() / "bin" / "python"
    return python if python.exists() and _imports(python, peer) else None


def peer_versions(python: Path) -> str:
    """Return the versions of what is installed, as `name version, ...`."""
    code = "import importlib.metadata as m; print(', '.join(sorted("
    code += "d.name + ' ' + d.version for d in m.distributions() "
    code += "if d.name.lower() in ('brian2', 'torch', 'numpy', 'transformers'))))"
    done = subprocess.run((str(python), "-c", code), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def peers_folder() -> Path:
    """Return where the peers lie, in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "mlrift-peers"


def _imports(python: Path, peer: Peer) -> bool:
    words = (str(python), "-c", f"import {peer.module}")
    return subprocess.run(words, capture_output=True, check=False).returncode == 0
