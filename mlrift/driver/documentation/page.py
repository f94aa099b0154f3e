"""A reference in, the text of its page out; comments are Markdown and are copied as they are."""

import re

from mlrift.driver.documentation.reading import Entry, Reference

_FIRST_SENTENCE = re.compile(r"(.+?)\.(?:\s+|\Z)", re.DOTALL)
_MOST_NAMES = 8  # in a heading


def page_of(reference: Reference) -> str:
    """Return the page of a module; its last line says what made it."""
    subject, text = _subject(reference.text)
    heading = f"# `{reference.path}`"
    paragraphs = [f"{heading}: {subject}" if subject else heading]
    if text:
        paragraphs.append(text)
    for section in reference.sections:
        if section.title:
            paragraphs.append(f"## {_capitalised(section.title)}")
        if section.text:
            paragraphs.append(section.text)
        for entry in section.entries:
            paragraphs += _entry(entry)
    paragraphs.append(mark_of(reference.path))
    return "\n\n".join(paragraphs) + "\n"


def mark_of(path: str) -> str:
    """Return the line by which a page is known as made of a file."""
    return f"<!-- made by mlrc doc from {path} -->"


def _subject(text: str) -> tuple[str, str]:
    """Return the first sentence of a text as part of a heading, and the text after it."""
    match = _FIRST_SENTENCE.match(text)
    if match is None or "\n\n" in match[1]:
        return "", text
    sentence = " ".join(match[1].split())
    if sentence[1:2].islower() or sentence[1:2] == " ":
        sentence = sentence[:1].lower() + sentence[1:]
    return sentence, text[match.end() :]


def without_description(reference: Reference) -> list[str]:
    """Return the names on a page of which it says nothing."""
    return [row.name for entry in reference.entries if not entry.text for row in entry.signatures]


def _entry(entry: Entry) -> list[str]:
    """Return the paragraphs of one entry; one without declarations is text between others."""
    if not entry.signatures:
        return [entry.text]
    names = [f"`{row.name}`" for row in entry.signatures]
    heading = " ".join(names) if len(names) <= _MOST_NAMES else f"{names[0]} ... {names[-1]}"
    code = "\n".join(row.text for row in entry.signatures)
    paragraphs = [f"### {heading}", f"```text\n{code}\n```"]
    return [*paragraphs, entry.text] if entry.text else paragraphs


def _capitalised(title: str) -> str:
    return title[:1].upper() + title[1:]
