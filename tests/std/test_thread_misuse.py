"""What threads, locks, channels and processes do when they are called wrongly: never a crash."""

import subprocess
from pathlib import Path

import pytest

from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for
from tests.support.engines import engine_named

ABORTS = {
    "mutex_lock(0)": "mutex_lock: the address is 0",
    "mutex_try_lock(0)": "mutex_try_lock: the address is 0",
    "mutex_lock_for(0, 1)": "mutex_lock_for: the address is 0",
    "mutex_unlock(0)": "mutex_unlock: the address is 0",
    "mutex_unlock(words)": "mutex_unlock: the mutex is not locked",
    "cond_wait(0, words)": "cond_wait: the address is 0",
    "cond_wait_for(words, 0, 1)": "cond_wait_for: the address is 0",
    "cond_wait(words, words + 16)": "mutex_unlock: the mutex is not locked",
    "cond_signal(0)": "cond_signal: the address is 0",
    "cond_broadcast(0)": "cond_broadcast: the address is 0",
    'once_call(0, fn_addr("one"), 0)': "once_call: the address is 0",
    "once_call(words, 0, 0)": "once_call: the function is 0",
    "semaphore_acquire(0)": "semaphore_acquire: the address is 0",
    "semaphore_try_acquire(0)": "semaphore_try_acquire: the address is 0",
    "semaphore_release(0)": "semaphore_release: the address is 0",
    "barrier_new(0)": "barrier_new: the count is 0",
    "barrier_wait(0)": "barrier_wait: the address is 0",
    "channel_new(0)": "channel_new: the capacity is 0",
    "channel_send(0, 1)": "channel_send: the address is 0",
    "channel_try_send(0, 1)": "channel_try_send: the address is 0",
    "channel_receive(0)": "channel_receive: the address is 0",
    "channel_close(0)": "channel_close: the address is 0",
    "channel_len(0)": "channel_len: the address is 0",
    "thread_start(0, 1)": "thread_start: the function is 0",
    "thread_join(0)": "thread_join: no thread has this handle",
    "thread_join(1)": "thread_join: no thread has this handle",
    "thread_join(0x100000001)": "thread_join: no thread has this handle",
    "thread_join(0xFFFFFFFFFFFFFFFF)": "thread_join: no thread has this handle",
    "thread_detach(0x7FFFFFFF00000001)": "thread_detach: no thread has this handle",
    "thread_local_get(0)": "thread_local_get: no word has this number",
    "thread_local_set(0xFFFFFFFFFFFFFFFF, 1)": "thread_local_set: no word has this number",
    'thread_pool_submit(0, fn_addr("one"), 1, 2, 3)': "thread_pool_submit: there is no worker 0",
    'thread_pool_submit(0xFFFFFFFFFFFFFFFF, fn_addr("one"), 1, 2, 3)': "there is no worker 184467",
    "process_at_exit(0, 1)": "process_at_exit: the function is 0",
    "process_input(0)": "process_input: the handle is 0",
    "process_output(0)": "process_output: the handle is 0",
    "process_errors(0)": "process_errors: the handle is 0",
    "process_close_input(0)": "process_close_input: the handle is 0",
    "process_kill(0)": "process_kill: the handle is 0",
    "process_wait(0)": "process_wait: the handle is 0",
}
RESULTS = {
    'thread_start_with_stack(fn_addr("one"), 1, 0xFFFFFFFFFFFFFFFF)': 0,
    "futex_wait(0, 0)": -14,
    "futex_wake(words, 0)": 0,
    "mutex_lock_for(words, 0)": 1,
    "channel_new(0xFFFFFFFFFFFFFFFF)": 0,
    "process_argument(0xFFFFFFFFFFFFFFFF)": 0,
    "process_variable(0)": 0,
    'process_variable("")': 0,
    'process_variable("=")': 0,
    "process_start(0, 7)": 0,
    "process_start(words, 7)": 0,
    "process_run(0, 0, 0)": 0,
}
NOTHING = (
    "thread_pool_wait()",
    "thread_pool_shutdown()",
    'thread_pool_for(fn_addr("one"), 0, 1)',
    "mutex_free(0)",
    "cond_free(0)",
    "semaphore_free(0)",
    "barrier_free(0)",
    "channel_free(0)",
)
CALLS = (*ABORTS, *RESULTS, *NOTHING)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a program that makes the call whose number is its argument."""
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    shown = [f"println({call})" if call in RESULTS else call for call in CALLS]
    rows = "".join(f"    if wanted == {n} {{ {row} }}\n" for n, row in enumerate(shown))
    text = f"""
import "std/thread.mlr"
import "std/process.mlr"
static u64[64] words
fn one(u64 a, u64 b, u64 c) -> u64 {{ return 1 }}
fn main() {{
    u64 digits = process_argument(1)
    u64 wanted = load8(digits) - 48
    if load8(digits + 1) != 0 {{ wanted = wanted * 10 + load8(digits + 1) - 48 }}
{rows}}}
"""
    return compile_for(tmp_path_factory.mktemp("misuse"), text, LINUX_X86_64)


def call(program: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Make one call in a process of its own."""
    words = [str(program), str(CALLS.index(text))]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("text", ABORTS)
def test_misuse_ends_the_program_with_a_message(program: Path, text: str) -> None:
    done = call(program, text)
    assert ABORTS[text] in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize("text", RESULTS)
def test_odd_values_give_the_documented_result(program: Path, text: str) -> None:
    done = call(program, text)
    assert (done.stdout, done.returncode) == (f"{RESULTS[text]}\n", 0)


@pytest.mark.parametrize("text", NOTHING)
def test_there_may_be_nothing_to_do(program: Path, text: str) -> None:
    done = call(program, text)
    assert (done.stderr, done.returncode) == ("", 0)
