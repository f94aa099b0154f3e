"""docs/compatibility.md is current, and every quirk of 1.1 has a test."""

import pytest

from tests.docs.compatibility_page import PAGE, QUIRKS, compatibility_page, files_by_quirk


@pytest.mark.parametrize("number", QUIRKS)
def test_a_quirk_has_a_test(number: int) -> None:
    assert files_by_quirk()[number], f"no test names Q{number}"


def test_the_page_is_current() -> None:
    current = PAGE.read_text(encoding="utf-8") == compatibility_page()
    assert current, "run `python -m tests.docs.compatibility_page`"
