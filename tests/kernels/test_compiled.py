"""The kernels as programs for this machine's CPU launch them, on several threads."""

import ctypes
import sys
from pathlib import Path

import pytest

from mlrift.selftest.case import KernelCase
from tests.kernels.launcher import build_launcher, launch, place
from tests.kernels.table import cases

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs a library of this system")


@pytest.fixture(scope="module")
def libraries() -> dict[Path, ctypes.CDLL]:
    """The libraries made so far, by the file of their kernels."""
    return {}


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.name)
def test_kernel_gives_what_numpy_gives(
    case: KernelCase,
    libraries: dict[Path, ctypes.CDLL],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if case.path not in libraries:
        folder = tmp_path_factory.mktemp(case.path.stem)
        wanted = {row.kernel for row in cases() if row.path == case.path}
        libraries[case.path] = build_launcher(case.path, wanted, folder)
    case.link(place)
    launch(libraries[case.path], case)
    case.check()
