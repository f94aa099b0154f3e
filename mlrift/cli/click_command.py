"""The options of `mlrc` as a click command: `--help`, every message about a wrong option."""

from collections.abc import Callable

import click

from mlrift.cli.flags import FLAGS, Flag, FlagKind

_EPILOG = "Without --arch, --target, --emit or -c the result is a fat file for eight targets."
_WORDS = "[check|doc|fmt|lc|run|test|explain] FILE.mlr"


def click_command(carry_out: Callable[[tuple[str, ...], dict[str, object]], int]) -> click.Command:
    """Return the command; it hands the plain words and the settings by key to `carry_out`."""

    def callback(words: tuple[str, ...], **settings: object) -> int:
        return carry_out(words, settings)

    return click.Command(
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
    if row.kind is FlagKind.CHOICE:
        choice = click.Choice(row.choices)
        return click.Option(names, type=choice, default=row.default, help=row.help)
    return click.Option(
        names, metavar=row.metavar, multiple=row.kind is FlagKind.TEXTS, help=row.help
    )
