"""The quick reader of mlrc's command line means what click means, wherever it reads at all."""

import contextlib

import click
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrift.cli.click_command import click_command
from mlrift.cli.command_line import NotPlain, read_plain
from mlrift.cli.flags import FLAGS, FlagKind

NAMES = [name for row in FLAGS for name in row.names]
VALUES = ["a.mlr", "2", "3", "json", "text", "obj", "after:fold", "0", "", "x=y", "guard-pages"]
WORDS = [*NAMES, *VALUES, "-O0", "-O2", "-cg", "-ofile", "--", "-", "--unknown", "--emi", "check"]
JOINED = [f"{name}={value}" for name in NAMES for value in VALUES]


def read_by_click(arguments: list[str]) -> tuple[list[str], dict[str, object]] | None:
    seen: list[tuple[list[str], dict[str, object]]] = []

    def note(words: tuple[str, ...], found: dict[str, object]) -> int:
        seen.append((list(words), found))
        return 0

    with contextlib.suppress(click.UsageError):
        click_command(note).main(arguments, standalone_mode=False)
    return seen[0] if seen else None


@given(st.lists(st.sampled_from([*WORDS, *JOINED]), max_size=6))
@settings(max_examples=400, deadline=None)
def test_both_readers_agree(arguments: list[str]) -> None:
    try:
        plain = read_plain(arguments)
    except NotPlain:
        return
    assert plain == read_by_click(arguments)


def test_every_kind_of_option_is_read_quickly() -> None:
    words, found = read_plain(
        ["a.mlr", "-O2", "-g", "-o", "out", "--emit=obj", "--dump", "after:fold", "--dump=after:x"]
    )
    assert words == ["a.mlr"]
    assert (found["level"], found["debug_info"], found["output"]) == ("2", True, "out")
    assert (found["emit"], found["dump"]) == ("obj", ("after:fold", "after:x"))
    assert {row.kind for row in FLAGS} == set(FlagKind)


def test_a_value_of_debug_stands_in_its_own_word() -> None:
    meanings = {"": None, "--debug": "checks", "--debug=guard-pages": "guard-pages"}
    for option, checks in meanings.items():
        words = [*option.split(), "a.mlr"]
        found = read_plain(words)
        assert (found[0], found[1]["debug"]) == (["a.mlr"], checks)
        assert found == read_by_click(words)


def test_what_is_not_plain_is_left_to_click() -> None:
    for word in ["--help", "--unknown", "-cg", "-ofile", "--fat-format=9", "--debug=1", "-o"]:
        try:
            read_plain(["a.mlr", word])
        except NotPlain:
            continue
        raise AssertionError(word)
