"""Spelling suggestions: a misspelt name and the known names in, the phrase to append out."""

from collections.abc import Iterable

MIN_NAME_LENGTH = 3
MAX_DISTANCE = 2


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known name, or an empty string.

    Names shorter than three characters get no suggestion (reference.md 17.1); ties go to the name
    that comes first in the alphabet, so the message does not depend on the order of `known`.
    """
    if len(name) < MIN_NAME_LENGTH:
        return ""
    best_distance, best_name = MAX_DISTANCE + 1, ""
    for candidate in sorted(set(known)):
        if candidate == name or abs(len(candidate) - len(name)) >= best_distance:
            continue
        distance = edit_distance(name, candidate)
        if distance < best_distance:
            best_distance, best_name = distance, candidate
    return f"; did you mean '{best_name}'?" if best_name else ""


def edit_distance(first: str, second: str) -> int:
    """Return the number of insertions, deletions and substitutions between two names."""
    previous = list(range(len(second) + 1))
    for row, first_character in enumerate(first, 1):
        current = [row]
        for column, second_character in enumerate(second, 1):
            substitution = previous[column - 1] + (first_character != second_character)
            current.append(min(previous[column] + 1, current[-1] + 1, substitution))
        previous = current
    return previous[-1]
