"""`mlrc lc`: cli.md 3.3."""

import os
from pathlib import Path

import pytest

from mlrift.cli.source_files import decode_source, encode_source
from mlrift.driver import pipeline
from mlrift.driver.living.proposals import PROPOSALS
from mlrift.driver.living.rewriting import Migration, rewrite
from mlrift.ir.text.listing import list_module
from tests.harness.compiler import context_for, front_end, options_for, run_mlrc
from tests.harness.directives import read_directives


def lc(text: str, *options: str) -> tuple[int, str, str]:
    Path("a.mlr").write_text(text)
    return run_mlrc(["lc", *options, "a.mlr"])


def fixed(text: str, *options: str) -> str:
    """Return the text after `--fix`, which must not be refused."""
    status, out, err = lc(text, *(options or ("--fix",)))
    assert (status, err) == (0, ""), out + err
    assert os.listdir(".") == ["a.mlr"]
    return Path("a.mlr").read_text()


def pointers(count: int, others: int = 0) -> str:
    body = "    unsafe { *(p as u8) = 1 }\n" * count + "    p += 1\n" * others
    return f"fn main() {{\n    u64 p = alloc(8)\n{body}}}\n"


def test_a_report_has_all_parts() -> None:
    status, out, err = lc("#lang stable\n" + pointers(1, 9))
    assert (status, err) == (0, "")
    for part in ("a.mlr", "profile: stable", "Telemetry", "Semantic Core", "Adaptive Surface"):
        assert part in out
    assert "  functions:           1\n" in out
    assert "  pointer statements:  1\n" in out
    assert "  statements:          11\n" in out
    assert "Fitness: 97/100\n" in out
    assert "[27] legacy_ptr_ops" in out
    assert "load_store_builtins (stable)" in out


def test_calls_are_counted_by_what_becomes_of_their_result() -> None:
    text = "fn f() -> u64 { return f() }\nfn main() { f() u64 _a = f() f() }\n"
    _, out, _ = lc(text)
    assert "  calls discarded:     2\n" in out
    assert "  calls returned:      1\n" in out


def test_no_functions_score_fifty() -> None:
    assert "Fitness: 50/100\n" in lc("const u64 A = 1\n")[1]


def test_unsafe_ratio_and_its_penalties() -> None:
    _, out, _ = lc(pointers(2))  # 2 of 3 statements
    assert "[80] large_unsafe_ratio" in out
    assert "[29] legacy_ptr_ops" in out
    assert "Fitness: 72/100\n" in out  # 100 - 15 - 29 // 8 - 10


def test_unchecked_calls_and_call_density() -> None:
    _, out, _ = lc("fn f() { }\nfn main() {\n" + "f()\n" * 22 + "}\n")
    assert "[45] unchecked_call" in out
    assert "[53] high_call_density" in out
    _, out, _ = lc("fn f() { }\nfn main() {\n" + "f()\n" * 10 + "}\n")
    assert "unchecked_call" not in out


def test_trivial_functions() -> None:
    functions = "".join(f"fn f{index}() {{ }}\n" for index in range(5))
    assert "[40] many_trivial_fns" in lc(functions)[1]
    assert "many_trivial_fns" not in lc(functions.replace("fn f4() { }", ""))[1]


LOCKS = """
static u64 a
static u64 b
fn acquire(u64 l) { l += 1 l += 1 l += 1 }
fn release(u64 l) { l += 1 l += 1 l += 1 }
fn one() { acquire(a) acquire(b) release(b) release(a) }
fn two() { acquire(%s) acquire(%s) release(a) release(b) }
"""


def test_a_lock_cycle_costs_twenty() -> None:
    assert "Fitness: 100/100" in lc(LOCKS % ("a", "b"))[1]
    assert "Fitness: 80/100" in lc(LOCKS % ("b", "a"))[1]


def test_ci_gates_at_fifty_or_at_the_given_fitness() -> None:
    assert lc(pointers(2))[0] == 0
    assert lc(pointers(2), "--ci")[0] == 1
    assert lc(pointers(1, 9), "--ci")[0] == 0
    assert lc(pointers(1, 9), "--ci", "--min-fitness=27")[0] == 1
    assert lc(pointers(1, 9), "--ci", "--min-fitness", "28")[0] == 0
    assert lc("fn main() { }\n", "--ci", "--min-fitness=0")[0] == 0


@pytest.mark.parametrize("option", [["--min-fitness=30"], ["--min-fitness", "30"]])
def test_min_fitness_hides_patterns(option: list[str]) -> None:
    _, out, _ = lc(pointers(2), *option)
    assert "large_unsafe_ratio" in out
    assert "legacy_ptr_ops" not in out


def test_a_file_with_errors_and_a_missing_one() -> None:
    status, out, err = lc("fn main( { }\n")
    assert (status, out) == (1, "")
    assert "E0201" in err
    status, _, err = run_mlrc(["lc", "none.mlr"])
    assert status == 1
    assert "cannot open 'none.mlr': file not found" in err


def test_scan_sites_counts_long_type_names() -> None:
    text = 'fn f(uint64 a) -> int8 { // uint8\n    println("uint16") return 1 }\n'
    assert lc(text, "--scan-sites") == (0, "sites: 2\n", "")


def test_fix_shortens_types_but_not_in_comments_and_strings() -> None:
    text = (
        "// uint64 stays\nfn twice(uint64 a) -> uint64 { return a * 2 }\n"
        'fn main() { int32 b = 1 /* int8 */ println("uint8", f"uint16", twice(b)) }\n'
    )
    assert fixed(text) == (
        "// uint64 stays\nfn twice(u64 a) -> u64 { return a * 2 }\n"
        'fn main() { i32 b = 1 /* int8 */ println("uint8", f"uint16", twice(b)) }\n'
    )


POINTERS = """\
static u64 total
fn main() {
    u64 p = alloc(64)
    unsafe { *(p + 8 * 2 as uint32) = 1 + 2 }
    u64 x = 0
    unsafe { *(p + 16 as u32) -> x }
    volatile { *(p as u8) = x } volatile { *(p as u8) -> total }
    // unsafe { *(p as u8) = 1 }
    println("unsafe { *(p as u8) = 1 }", x, total)
}
"""


def test_fix_rewrites_pointer_statements() -> None:
    assert (
        fixed(POINTERS, "--fix=ptrops")
        == """\
static u64 total
fn main() {
    u64 p = alloc(64)
    store32(p + 8 * 2, 1 + 2)
    u64 x = 0
    x = load32(p + 16)
    vstore8(p, x) total = vload8(p)
    // unsafe { *(p as u8) = 1 }
    println("unsafe { *(p as u8) = 1 }", x, total)
}
"""
    )


def test_fix_of_one_kind_leaves_the_other() -> None:
    text = "fn main() {\n    uint64 p = alloc(8)\n    unsafe { *(p as u8) = 1 }\n}\n"
    assert "unsafe" in fixed(text, "--fix=types")
    assert "uint64" in fixed(text, "--fix=ptrops")


def test_pointer_statements_that_stay() -> None:
    for text in (
        "unsafe { *(p as f64) = 1.5 }",
        "unsafe { *(p as P) -> x }",
        "unsafe { /* why */ *(p as u8) = 1 }",
        "unsafe { *(p /* why */ as u8) = 1 }",
    ):
        assert rewrite(text, [Migration.POINTER_OPERATIONS]).text == text


def test_a_following_parenthesis_is_kept_apart() -> None:
    made = rewrite("unsafe { *(p as u8) = 1 }\n(u64 a, u64 b) = f()", list(Migration))
    assert made.text == "store8(p, 1);\n(u64 a, u64 b) = f()"


def test_a_second_fix_finds_nothing() -> None:
    fixed(POINTERS)
    assert run_mlrc(["lc", "--fix", "a.mlr"])[:2] == (0, "no sites found: a.mlr\n")


def test_dry_run_shows_and_writes_nothing() -> None:
    status, out, _ = lc(POINTERS, "--fix", "--dry-run")
    assert status == 0
    assert "a.mlr:6: unsafe { *(p + 16 as u32) -> x } -> x = load32(p + 16)\n" in out
    assert Path("a.mlr").read_text() == POINTERS


def test_an_unknown_migration_is_an_error() -> None:
    status, _, err = lc(POINTERS, "--fix=frob")
    assert status == 1
    assert "frob" in err


@pytest.mark.parametrize("text", [POINTERS, "fn part(uint64 a) -> uint64 { return a }\n"])
def test_an_injected_fault_is_refused_and_leaves_nothing(text: str) -> None:
    status, out, _ = lc(text, "--fix", "--fix-inject-fault")
    assert status == 1
    assert "VERIFY MISMATCH" in out
    assert out.endswith("refused, unchanged: a.mlr\n")
    assert Path("a.mlr").read_text() == text
    assert os.listdir(".") == ["a.mlr"]


def test_a_file_that_no_unit_covers_is_refused() -> None:
    text = "fn part() -> uint64 { return other() }\n"
    status, out, err = lc(text, "--fix")
    assert status == 1
    assert "no build unit covers it: a.mlr\nrefused, unchanged: a.mlr\n" in out
    assert "undefined function 'other'" in err
    assert Path("a.mlr").read_text() == text


@pytest.mark.parametrize(
    "makefile",
    [
        "SRCS = src/part.mlr \\\n  src/main.mlr\nall:\n\tcat $(SRCS)\n",
        "DIR := src\nSRCS := $(wildcard $(DIR)/*.mlr)\n",
        "SRCS = src/part.mlr\nSRCS += src/main.mlr # both\n",
    ],
)
def test_the_unit_of_a_makefile_is_compiled_as_a_whole(makefile: str) -> None:
    Path("src").mkdir()
    Path("Makefile").write_text(makefile)
    part = Path("src/part.mlr")
    part.write_text("struct P { u64 x }\nfn part(P p) -> uint64 { return other(p) }\n")
    Path("src/main.mlr").write_text(
        "fn other(P p) -> u64 { return p.x }\nfn main() { P p\nprintln(part(p)) }\n"
    )
    status, out, err = run_mlrc(["lc", "--fix", "src/part.mlr"])
    assert (status, err) == (0, "")
    assert "verified: executable and object byte-identical for x86_64 and arm64" in out
    assert "-> u64 {" in part.read_text()
    assert sorted(os.listdir("src")) == ["main.mlr", "part.mlr"]


def test_the_files_mode_and_link_stay() -> None:
    Path("real.mlr").write_text("fn main() { uint64 _a = 1 }\n")
    os.chmod("real.mlr", 0o640)
    os.symlink("real.mlr", "a.mlr")
    assert run_mlrc(["lc", "--fix", "a.mlr"])[0] == 0
    assert os.path.islink("a.mlr")
    assert Path("real.mlr").read_text() == "fn main() { u64 _a = 1 }\n"
    assert os.stat("real.mlr").st_mode & 0o777 == 0o640


def test_proposals_are_listed_without_a_file() -> None:
    status, out, _ = run_mlrc(["lc", "--list-proposals"])
    assert status == 0
    assert all(f"{row.name} ({row.state.value})\n" in out for row in PROPOSALS)
    assert out.count("  trigger: ") == out.count("  before:  ") == out.count("  after:   ") == 7


def test_states_are_kept_in_a_file() -> None:
    assert run_mlrc(["lc", "--promote", "extern_fn_decls"])[:2] == (
        0,
        "proposal extern_fn_decls: stable\n",
    )
    assert run_mlrc(["lc", "--deprecate=short_type_aliases"])[0] == 0
    assert run_mlrc(["lc", "--reject", "load_store_builtins"])[0] == 0
    lines = Path(".kernrift/proposals").read_text().splitlines()
    assert len(lines) == 7
    assert "extern_fn_decls stable" in lines
    assert "short_type_aliases deprecated" in lines
    assert "load_store_builtins experimental" in lines
    assert "extern_fn_decls (stable)" in run_mlrc(["lc", "--list-proposals"])[1]


def test_an_unknown_proposal_is_confirmed() -> None:
    status, out, _ = run_mlrc(["lc", "--promote", "frob"])
    assert (status, out) == (0, "proposal frob: stable\n")
    assert "frob" not in Path(".kernrift/proposals").read_text()


def test_experimental_proposals_are_for_experimental_files() -> None:
    text = "fn f(u64 n) -> u64 { return f(n) }\nfn main() { println(f(1)) }\n"
    assert "tail_call_intrinsic" not in lc(text)[1]
    assert "tail_call_intrinsic (experimental)" in lc("#lang experimental\n" + text)[1]


def test_a_damaged_file_of_states_is_an_error() -> None:
    Path(".kernrift").mkdir()
    Path(".kernrift/proposals").write_text("short_type_aliases\n")
    status, _, err = run_mlrc(["lc", "--list-proposals"])
    assert status == 1
    assert "proposals: line 1: 'short_type_aliases' is no proposal with a state" in err


def test_without_a_file_the_usage_is_printed() -> None:
    assert run_mlrc(["lc"])[0] == 0


@pytest.mark.parametrize(
    "words", [["--promote=short_type_aliases"], ["--promote", "short_type_aliases"]]
)
def test_proposals_are_named_in_two_ways(words: list[str]) -> None:
    assert run_mlrc(["lc", *words])[:2] == (0, "proposal short_type_aliases: stable\n")


def test_rewritten_programs_have_the_same_optimised_representation() -> None:
    """`--fix` compares the code; the IR shows that no back end had to make it equal."""
    sites = 0
    for path in sorted((Path(__file__).resolve().parents[1] / "run").rglob("*.mlr")):
        text = decode_source(path.read_bytes())
        made = rewrite(text, list(Migration))
        if not made.sites or path.stem.endswith(("_x64", "_arm64")):  # assembly: one CPU only
            continue
        sites += len(made.sites)
        flags = [flag for flag in read_directives(path).flags if flag != "--debug"]
        assert optimised(path.name, text, flags) == optimised(path.name, made.text, flags), path
    assert sites > 20


def optimised(name: str, text: str, flags: list[str]) -> str:
    """Return the optimised IR of a program."""
    Path(name).write_bytes(encode_source(text))
    context = context_for(options_for(Path(name), flags))
    module = front_end(context)
    pipeline.optimise_module(context, module)
    return list_module(module)
