"""The options of `mlrc` as a click command: `--help`, every message about a wrong option."""

from collections.abc import Callable

import click

from mlrift.cli.flags import FLAGS, Flag, FlagKind

_EPILOG = (
    "Without --arch, --target, --emit or -c the result is a fat file for eight targets. "
    "`mlrc disassemble`, `check-co` and `emulate` read code objects of AMD cards."
)
_WORDS = "[check|doc|fmt|lc|run|test|explain] FILE.mlr"


def click_command(carry_out: Callable[[tuple[str, ...], dict[str, object]], int]) -> click.Command:
    """Return the command; it hands the plain words and the settings by key to `carry_out`."""

    def callback(words: tuple[str, ...], **settings: object) -> int:
        return carry_out(words, settings)

    return _MlrcCommand(
        "mlrc",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        callback=callback,
        params=[
            click.Argument(["words"], nargs=-1, metavar=_WORDS),
            *(_option(row) for row in FLAGS),
        ],
        help="Compile FILE.mlr, or check or format it.",
        epilog=_EPILOG,
    )


class _MlrcCommand(click.Command):
    """A command some of whose options take a value only in their own word."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give options without their optional value the one that stands for none."""
        end = args.index("--") if "--" in args else len(args)
        words = [_IMPLIED.get(word, word) for word in args[:end]]
        return super().parse_args(ctx, [*words, *args[end:]])


_IMPLIED = {
    name: f"{name}={row.when_given}"
    for row in FLAGS
    if row.kind is FlagKind.OPTIONAL_CHOICE
    for name in row.names
}


def _option(row: Flag) -> click.Option:
    names = [*row.names, row.key]
    if row.kind is FlagKind.SWITCH:
        return click.Option(
            names,
            is_flag=True,
            flag_value=row.when_given,
            default=row.default,
            type=click.BOOL,
            help=row.help,
            hidden=row.is_hidden,
        )
    if row.kind in (FlagKind.CHOICE, FlagKind.OPTIONAL_CHOICE):
        choice = click.Choice(row.choices)
        return click.Option(names, type=choice, default=row.default, help=row.help)
    return click.Option(
        names, metavar=row.metavar, multiple=row.kind is FlagKind.TEXTS, help=row.help
    )
