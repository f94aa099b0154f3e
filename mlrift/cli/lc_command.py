"""`mlrc lc`: reports on a file, gates on it, migrates it, keeps proposals (cli.md 3.3)."""

import sys
from pathlib import Path

import click

from mlrift.cli.environment import cache_folder, library_roots
from mlrift.cli.source_files import UnreadableSource, read_source
from mlrift.cli.subcommand import STATUS_FAILED, carry_out
from mlrift.driver.artifacts import Permission, write_file
from mlrift.driver.living.proposals import (
    PROPOSALS,
    BadStateLine,
    State,
    default_states,
    parse_states,
    print_states,
)
from mlrift.driver.options import CompileOptions, Product

DEFAULT_THRESHOLD = 50
STATES_FILE = Path(".kernrift") / "proposals"
USAGE = """usage: mlrc lc [--ci] [--min-fitness=N] FILE.mlr
       mlrc lc --fix[=types|ptrops] [--dry-run] FILE.mlr
       mlrc lc --scan-sites FILE.mlr
       mlrc lc --list-proposals | --promote NAME | --deprecate NAME | --reject NAME
"""


def lc(words: list[str]) -> int:
    """Carry out `mlrc lc` with these words; returns the exit status."""
    # `--fix` alone takes no value, so click must not find one in the word after it.
    words = ["--fix=all" if word == "--fix" else word for word in words]
    return carry_out(lc_command, "mlrc lc", words, USAGE, (UnreadableSource, BadStateLine, OSError))


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("files", nargs=-1, metavar="FILE.mlr")
@click.option("--ci", is_flag=True, help="Exit with 1 if a pattern's fitness reaches the limit.")
@click.option("--min-fitness", type=int, metavar="N", help="Show patterns from N on; the limit.")
@click.option("--fix", type=click.Choice(["all", "types", "ptrops"]), help="Rewrite the file.")
@click.option("--dry-run", is_flag=True, help="With --fix: show it, write nothing.")
@click.option("--scan-sites", is_flag=True, help="Count the long type names.")
@click.option("--fix-inject-fault", is_flag=True, help="Test that --fix refuses a wrong result.")
@click.option("--list-proposals", is_flag=True, help="Print all proposals and their states.")
@click.option("--promote", metavar="NAME", help="Make a proposal stable.")
@click.option("--deprecate", metavar="NAME", help="Make a proposal deprecated.")
@click.option("--reject", metavar="NAME", help="Make a proposal experimental.")
def lc_command(files: tuple[str, ...], **flags: object) -> int:
    """Report on FILE.mlr, or rewrite it."""
    if flags["list_proposals"]:
        from mlrift.driver.living.report import list_proposals  # noqa: PLC0415

        sys.stdout.write(list_proposals(_states()))
        return 0
    for option, state in _STATE_OPTIONS.items():
        if flags[option] is not None:
            return _set_state(str(flags[option]), state)
    if not files:
        sys.stderr.write(USAGE)
        return 0
    path = Path(files[-1])
    if flags["scan_sites"]:
        return _scan_sites(path)
    if flags["fix"] is not None or flags["fix_inject_fault"]:
        return _fix(path, flags)
    return _report(path, flags)


_STATE_OPTIONS = {
    "promote": State.STABLE,
    "deprecate": State.DEPRECATED,
    "reject": State.EXPERIMENTAL,
}


def _states() -> dict[str, State]:
    if not STATES_FILE.exists():
        return default_states()
    try:
        return parse_states(STATES_FILE.read_text(encoding="utf-8", errors="replace"))
    except BadStateLine as error:
        raise BadStateLine(f"{STATES_FILE}: {error}") from error


def _set_state(name: str, state: State) -> int:
    """Write the state of a proposal; an unknown name is confirmed and changes nothing."""
    states = _states()
    if any(row.name == name for row in PROPOSALS):
        states[name] = state
    STATES_FILE.parent.mkdir(exist_ok=True)
    write_file(STATES_FILE, print_states(states).encode(), Permission.PLAIN)
    sys.stdout.write(f"proposal {name}: {state.value}\n")
    return 0


def _scan_sites(path: Path) -> int:
    from mlrift.driver.living.rewriting import tokens_of  # noqa: PLC0415
    from mlrift.driver.living.telemetry import count_long_type_names  # noqa: PLC0415

    sys.stdout.write(f"sites: {count_long_type_names(tokens_of(read_source(path)))}\n")
    return 0


def _options(path: Path) -> CompileOptions:
    return CompileOptions(
        path,
        None,
        Product.CHECK,
        library_roots=library_roots(),
        cache_folder=cache_folder(),
    )


def _fix(path: Path, flags: dict[str, object]) -> int:
    from mlrift.driver.living.fixing import Fix, Mode, fix  # noqa: PLC0415 - loads the compiler
    from mlrift.driver.living.rewriting import Migration  # noqa: PLC0415

    wanted = [row for row in Migration if flags["fix"] in (None, "all", row.value)]
    mode = Mode.PREVIEW if flags["dry_run"] else Mode.WRITE
    if flags["fix_inject_fault"]:
        mode = Mode.INJECT_FAULT
    stored = fix(Fix(path, read_source(path), wanted, mode), _options(path))
    sys.stderr.write(stored.messages)
    sys.stdout.write(stored.report)
    return stored.status


def _report(path: Path, flags: dict[str, object]) -> int:
    from mlrift.driver.living.examining import examine  # noqa: PLC0415 - loads the front end

    limit = flags["min_fitness"]
    least = 0 if limit is None else int(str(limit))
    threshold = DEFAULT_THRESHOLD if limit is None else least
    read_source(path)  # an unreadable file is this command's error, with its message
    found = examine(_options(path), _states(), least)
    sys.stderr.write(found.messages)
    sys.stdout.write(found.report)
    gated = [fitness for fitness in found.fitnesses if fitness >= threshold]
    if found.status == 0 and flags["ci"] and gated:
        sys.stderr.write(f"mlrc lc: fitness {max(gated)} reaches {threshold}: {path}\n")
        return STATUS_FAILED
    return found.status
