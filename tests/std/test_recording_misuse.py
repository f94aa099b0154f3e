"""npy, csv, record, progress called wrongly: a message with the function's name, never a crash."""

import subprocess
from pathlib import Path

import pytest

from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for
from tests.support.engines import engine_named

# Calls with what must be said of a handle of 0, {0}, and of one that was freed, {1}.
HANDLES = (
    'npy_add_column({}, "x", NPY_U8)',
    "npy_append({}, words, 1)",
    "npy_rows({})",
    "npy_row_bytes({})",
    "npy_flush({})",
    "npy_close({})",
    "npy_free({})",
    "npy_kind({})",
    "npy_axes({})",
    "npy_extent({}, 0)",
    "npy_count({})",
    "npy_data({})",
    "npy_item_bytes({})",
    "npy_columns({})",
    "npy_column_name({}, 0)",
    "npy_column_kind({}, 0)",
    "npy_column_offset({}, 0)",
    "npy_f64({}, 0)",
    "npy_int({}, 0)",
    "npy_cell_f64({}, 0, 0)",
    "npy_cell_int({}, 0, 0)",
    "csv_set_separator({}, 59)",
    "csv_bytes({}, words, 1)",
    'csv_text({}, "x")',
    "csv_uint({}, 1)",
    "csv_int({}, 1)",
    "csv_f64({}, 1.0)",
    "csv_f32({}, 1.0f)",
    "csv_end_row({})",
    "csv_flush({})",
    "csv_close({})",
    "csv_free({})",
    "csv_next({})",
    "csv_fields({})",
    "csv_line({})",
    "csv_error({})",
    "csv_field({}, 0)",
    "csv_field_size({}, 0)",
    "csv_field_uint({}, 0)",
    "csv_field_int({}, 0)",
    "csv_field_f64({}, 0)",
    "record_spikes({}, 0, words, 1)",
    "record_row({}, 0, words, 1)",
    "record_count({})",
    "record_flush({})",
    "record_close({})",
    "progress_force({})",
    "progress_is_shown({})",
    "progress_end({}, 1)",
    "progress_text({}, 1, 1)",
)
ABORTS = {
    **{call.format("0"): "the handle is 0" for call in HANDLES},
    **{call.format("freed"): "the handle was freed" for call in HANDLES},
    "progress_at(0, 1)": "the handle is 0",
    "progress_add(0, 1)": "the handle is 0",
    'npy_find_column(0, "x")': "npy_columns: the handle is 0",
    "npy_find_column(array(), 0)": "the text is 0",
    'npy_write("a.npy", NPY_U8, 0, words, 1)': "the address is 0",
    'npy_write("a.npy", NPY_U8, words, 0, 1)': "the address is 0",
    'npy_create("a.npy", NPY_U8, 0, 1)': "the address is 0",
    "npy_append(writer(), 0, 1)": "the address is 0",
    "npy_parse(0, 1)": "the address is 0",
    "npy_parse(words, 0xFFFFFFFFFFFFFFFF)": "the length is too large",
    "npy_add_column(writer(), 0, NPY_U8)": "the text is 0",
    "npy_f64(array(), 2)": "there is no such element",
    "npy_int(array(), 0xFFFFFFFFFFFFFFFF)": "there is no such element",
    "npy_column_name(array(), 0)": "there is no such column",
    "npy_cell_f64(array(), 0, 0)": "there is no such column",
    "csv_text(table(), 0)": "the text is 0",
    "csv_bytes(table(), 0, 1)": "the address is 0",
    "csv_bytes(table(), words, 0xFFFFFFFFFFFFFFFF)": "the length is too large",
    "csv_field(reader(), 0)": "there is no such field",
    "csv_field_f64(reader(), 0xFFFFFFFFFFFFFFFF)": "there is no such field",
    "record_spikes(recorder(), 0, 0, 1)": "the address is 0",
    "record_spikes(recorder(), 0, words, 0xFFFFFFFFFFFFFFFF)": "the length is too large",
    "record_row(recorder(), 0, words, 1)": "this recorder is for spikes",
    'record_state_new("a.npy", NPY_F64, 0, 1, 1, 0.0)': "the address is 0",
    "progress_new(0, 1)": "the text is 0",
}
RESULTS = {
    "npy_write(0, NPY_U8, words, words, 0)": 22,
    'npy_write("a.npy", NPY_U8, words, words, 0xFFFFFFFFFFFFFFFF)': 22,
    "npy_read(0)": 0,
    "npy_create(0, NPY_U8, words, 0)": 0,
    "npy_create_table(0)": 0,
    "npy_append(writer(), words, 0xFFFFFFFFFFFFFFFF)": 5007,
    'npy_create("a.npy", NPY_U8, words, 0xFFFFFFFFFFFFFFFF)': 0,
    "npy_extent(array(), 0xFFFFFFFFFFFFFFFF)": 0,
    "npy_kind_bytes(0xFFFFFFFFFFFFFFFF)": 0,
    "npy_value_int(words, 0xFFFFFFFFFFFFFFFF)": 0,
    "npy_parse(words, 0)": 0,
    "csv_create(0)": 0,
    "csv_open(0)": 0,
    "record_spikes_new(0, 0.0)": 0,
    'record_state_new("a.npy", NPY_F64, words, 0xFFFFFFFFFFFFFFFF, 1, 0.0)': 0,
}
CALLS = tuple({**ABORTS, **RESULTS})


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a program that makes the call whose number is its argument."""
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    shown = [f"println({call})" if call in RESULTS else call for call in CALLS]
    rows = "".join(f"    if wanted == {n} {{ {row} }}\n" for n, row in enumerate(shown))
    text = f"""
import "std/record.mlr"
import "std/progress.mlr"
import "std/process.mlr"
static u64[64] words
static u64[64] freed_words      // a handle whose memory is zero, as after freeing
fn writer() -> u64 {{ return npy_create("w.npy", NPY_F64, 0, 0) }}
fn array() -> u64 {{
    u64[1] shape
    shape[0] = 2
    npy_write("r.npy", NPY_F64, words, shape, 1)
    return npy_read("r.npy")
}}
fn table() -> u64 {{ return csv_create("t.csv") }}
fn reader() -> u64 {{
    fs_write_file("r.csv", "a,b", 3)
    return csv_open("r.csv")
}}
fn recorder() -> u64 {{ return record_spikes_new("s.npy", 0.0) }}
fn main() {{
    u64 freed = freed_words
    words[0] = 1
    u64 wanted = str_to_int(process_argument(1))
    if wanted > 10000 {{ println(freed) }}
{rows}}}
"""
    return compile_for(tmp_path_factory.mktemp("misuse"), text, LINUX_X86_64, "-O0")


def call(program: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Make one call in a process of its own."""
    words = [str(program), str(CALLS.index(text))]
    return subprocess.run(
        words, capture_output=True, text=True, timeout=60, check=False, cwd=program.parent
    )


@pytest.mark.parametrize("text", ABORTS)
def test_misuse_ends_the_program_with_a_message(program: Path, text: str) -> None:
    done = call(program, text)
    assert ABORTS[text] in done.stderr
    assert done.returncode == 1
    assert done.stderr.startswith(text.partition("_")[0] + "_"), "not the function's name"


@pytest.mark.parametrize("text", RESULTS)
def test_odd_values_give_the_documented_result(program: Path, text: str) -> None:
    done = call(program, text)
    assert (done.stdout, done.returncode) == (f"{RESULTS[text]}\n", 0)
