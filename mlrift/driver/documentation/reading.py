"""A parsed file in, a `Reference` out: what it says of itself and of its declarations.

Order and wording are the source's. A declaration is on the page if a `///` comment stands right
above it, or if it follows such a one in the next line. In a file without such comments every
declaration is, `//` comments are read instead, and names that begin with `_` stay private.
"""

from itertools import pairwise

from mlrift.driver.documentation.comments import Audience, Group, Surroundings, surroundings
from mlrift.frontend import ast
from mlrift.frontend.layout.comments import read_trivia
from mlrift.frontend.lexer import END, KIND, TokenStream
from mlrift.values import record, value

_SEPARATOR = KIND[";"]
_START = "main"


@value
class Signature:
    """A declaration: its name and its text as written, without the body of a function."""

    name: str
    text: str
    is_function: bool


@record
class Entry:
    """Declarations that share a description."""

    signatures: list[Signature]
    text: str


@record
class Section:
    """A part of the page; `text` stands before its entries. The first one has no title."""

    title: str
    text: str
    entries: list[Entry]


@record
class Reference:
    """A whole page: what an import of the module names, its text, its sections."""

    path: str
    text: str
    sections: list[Section]

    @property
    def entries(self) -> list[Entry]:
        """Return the entries of all sections."""
        return [entry for section in self.sections for entry in section.entries]


@record
class _Part:
    """A declaration or import with what stands before it; `signature` is None for an import."""

    before: Surroundings
    signature: Signature | None


def read_reference(path: str, stream: TokenStream, module: ast.SourceModule) -> Reference:
    """Return the reference of a file parsed without errors."""
    parts, rest = _parts(stream, module)
    reference = Reference(path, "", [Section("", "", [])])
    parts.append(_Part(rest, None))
    parts[0].before = _take_module_text(reference, parts[0])
    rows = [group for part in parts for group in _groups(part.before)]
    is_marked = any(group.has_documentation for group in rows)
    audience = Audience.DOCUMENTATION if is_marked else Audience.EVERY
    current: Entry | None = None
    for part in parts:
        _add_free_text(reference, part.before.groups, audience)
        current = _entry(reference.sections[-1], part, audience, current)
    reference.sections = [row for row in reference.sections if row.entries or row.text]
    return reference


def _parts(stream: TokenStream, module: ast.SourceModule) -> tuple[list[_Part], Surroundings]:
    """Return the declarations and imports in order, and what stands after the last one."""
    end = stream.kinds.index(END)
    own = TokenStream(
        stream.file, stream.kinds[: end + 1], stream.texts[: end + 1], stream.starts[: end + 1]
    )
    trivia = read_trivia(own)
    places = {start: index for index, start in enumerate(own.starts)}
    items = sorted([*module.imports, *module.items], key=_start)
    # The place of an import is its path's, after the keyword.
    indices = [places[_start(item)] - isinstance(item, ast.Import) for item in items]
    indices.append(end)
    before = [surroundings(trivia[index]) for index in indices]
    parts = [
        _Part(row, _signature(own, item, bounds, following.trailing))
        for item, bounds, (row, following) in zip(
            items, pairwise(indices), pairwise(before), strict=True
        )
    ]
    return parts, before[-1]


def _start(item: ast.Item | ast.Import) -> int:
    """Return where a declaration begins, with its annotations."""
    annotations = () if isinstance(item, _NEVER_ANNOTATED) else item.annotations
    spans = [item.span, *(row.span for row in annotations)]
    return min(span.start for span in spans)


_NEVER_ANNOTATED = (ast.Import, ast.Alias, ast.Device, ast.Dynamics, ast.Plasticity)


def _signature(
    stream: TokenStream, item: ast.Item | ast.Import, bounds: tuple[int, int], comment: str
) -> Signature | None:
    """Return the text of the tokens of a declaration; a comment at its end belongs to it."""
    if isinstance(item, ast.Import):
        return None
    first, last = bounds[0], bounds[1] - 1
    named = item.struct if isinstance(item, ast.Plasticity) else item.name
    name = named.text
    if isinstance(item, ast.Function):
        last = stream.starts.index(item.body.span.start, first) - 1
        comment = ""
        name = f"{item.receiver.text}.{name}" if item.receiver is not None else name
    while stream.kinds[last] == _SEPARATOR:
        last -= 1
    end = stream.starts[last] + len(stream.texts[last])
    lines = stream.file.text[stream.starts[first] : end].split("\n")
    text = "\n".join(line.rstrip() for line in lines)
    text = f"{text}  {comment}" if comment else text
    return Signature(name, text, isinstance(item, ast.Function | ast.Extern))


def _take_module_text(reference: Reference, first: _Part) -> Surroundings:
    """Set the text of the page, the file's first comment unless it is a declaration's.

    Returns what is left before the first declaration.
    """
    before = first.before
    candidates = before.groups
    if before.attached is not None and first.signature is None:
        candidates = (*candidates, before.attached)
    if not candidates or candidates[0].title:
        return before
    reference.text = candidates[0].text(Audience.EVERY)
    attached = before.attached if before.attached is not candidates[0] else None
    return Surroundings(before.trailing, before.groups[1:], attached, before.is_adjacent)


def _groups(row: Surroundings) -> tuple[Group, ...]:
    return row.groups if row.attached is None else (*row.groups, row.attached)


def _add_free_text(reference: Reference, groups: tuple[Group, ...], audience: Audience) -> None:
    """Begin sections, and add the documentation that belongs to no declaration."""
    for group in groups:
        if group.title:
            reference.sections.append(Section(group.title, "", []))
            continue
        text = group.text(Audience.DOCUMENTATION)
        if not text or audience is Audience.EVERY:
            continue
        section = reference.sections[-1]
        if section.entries:
            section.entries.append(Entry([], text))
        else:
            section.text = f"{section.text}\n\n{text}" if section.text else text


def _entry(
    section: Section, part: _Part, audience: Audience, current: Entry | None
) -> Entry | None:
    """Put a declaration on the page, if it belongs there; returns what the next one may join."""
    signature, attached = part.signature, part.before.attached
    if signature is None:
        return None
    if part.before.is_adjacent and current is not None:
        current.signatures.append(signature)
        return current
    text = attached.text(audience) if attached is not None else ""
    is_private = signature.name == _START or signature.name.startswith("_")
    if not text and (audience is Audience.DOCUMENTATION or is_private):
        return None
    entry = Entry([signature], text)
    section.entries.append(entry)
    return entry
