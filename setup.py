"""The part of the build that pyproject.toml cannot say: the wheel has std/ and the OS layers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithLibrary(build_py):
    """Adds `mlrift/library/std` and `mlrift/prebuilt` to the built package."""

    def run(self) -> None:
        """Copy the modules, then the library, then build the OS layers with the copied compiler."""
        super().run()
        if self.editable_mode:
            return
        package = Path(self.build_lib).resolve() / "mlrift"
        shutil.copytree("std", package / "library" / "std", dirs_exist_ok=True)
        search = os.pathsep.join([str(package.parent), *filter(None, sys.path)])
        environment = {**os.environ, "PYTHONPATH": search}
        command = [sys.executable, "-m", "mlrift.driver.prebuild", "--installed"]
        subprocess.run(command, check=True, env=environment, cwd=package.parent)


setup(cmdclass={"build_py": BuildWithLibrary})
