"""Comments before a token in, their paragraphs by purpose out.

`///` is for readers of the page, `//` for readers of the source. A group is what no empty line
parts; a line `// ---- Title ----` is a group of its own and begins a section.
"""

import re
from enum import Enum, unique

from mlrift.frontend.layout.comments import Placement, Trivia
from mlrift.values import value

_RULER = re.compile(r"//+ *-{2,} (.*?\S) *-*")
_DOCUMENTATION = "///"
_PLAIN = "//"


@unique
class Audience(Enum):
    """Which comments a page is made of."""

    DOCUMENTATION = "those that begin with ///"
    EVERY = "all, in a file without ///"


@value
class Group:
    """Lines of comments that no empty line parts; `title` only for those that begin a section."""

    lines: tuple[str, ...]
    title: str = ""

    @property
    def has_documentation(self) -> bool:
        """Whether some line begins with `///`."""
        return any(line.startswith(_DOCUMENTATION) for line in self.lines)

    def text(self, audience: Audience) -> str:
        """Return the text of the lines that are for a page."""
        found = (_text_of(line, audience) for line in self.lines)
        return "\n".join(line for line in found if line is not None).strip("\n")


@value
class Surroundings:
    """What stands before a token: the end of the line before, groups, the one right above."""

    trailing: str
    groups: tuple[Group, ...]
    attached: Group | None
    is_adjacent: bool


def surroundings(trivia: Trivia) -> Surroundings:
    """Return the comments before a token; adjacent means in the line below the token before."""
    trailing = ""
    groups: list[list[str]] = []
    for comment in trivia.comments:
        if comment.placement is Placement.TRAILING:
            trailing = comment.text
        elif comment.placement is Placement.OWN_LINE:
            previous = groups[-1][-1] if groups else ""
            if comment.newlines_before > 1 or not groups or _is_ruler(previous, comment.text):
                groups.append([])
            groups[-1].append(comment.text)
    made = tuple(_group(lines) for lines in groups)
    is_near = trivia.newlines == 1
    attached = made[-1] if made and is_near and not made[-1].title else None
    free = made[:-1] if attached is not None else made
    return Surroundings(trailing, free, attached, not made and is_near)


def _is_ruler(*lines: str) -> bool:
    return any(_RULER.fullmatch(line) for line in lines)


def _group(lines: list[str]) -> Group:
    match = _RULER.fullmatch(lines[0])
    return Group((), match[1]) if match is not None else Group(tuple(lines))


def _text_of(line: str, audience: Audience) -> str | None:
    """Return what a line says, without its marker; None if it is not for the page."""
    if line.startswith(_DOCUMENTATION):
        return line.removeprefix(_DOCUMENTATION).removeprefix(" ")
    if audience is Audience.EVERY and line.startswith(_PLAIN):
        return line.removeprefix(_PLAIN).removeprefix(" ")
    return None
