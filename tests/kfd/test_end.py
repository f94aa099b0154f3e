"""However a process ends, its queues and memory are given back."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import signal, sys, time
# nohup and shells that start a command in the background have some ignored
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from mlrift.runtime.kfd import Device
from tests.kfd.cards import emulated_driver

driver = emulated_driver("gfx1100")
close = driver.close
def closing(descriptor):
    close(descriptor)  # raises when something is left behind
    print("closed", flush=True)
driver.close = closing
device = Device.open(driver=driver)
device.stream()
array = device.empty(1000)
print("open", flush=True)
if sys.argv[1] == "error":
    raise ValueError("own")
if sys.argv[1] != "end":
    time.sleep(30)
"""


@pytest.mark.parametrize(
    ("how", "status"),
    [("end", 0), ("error", 1), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, -2)],
)
def test_everything_is_given_back(how: str | signal.Signals, status: int) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    word = how if isinstance(how, str) else "signal"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, word],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    if isinstance(how, signal.Signals):
        process.send_signal(how)
    output = process.stdout.read()
    process.wait(timeout=30)
    assert output == "closed\nclosed\n"
    assert process.returncode in {status, 130 if how is signal.SIGINT else status}
