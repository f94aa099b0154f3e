"""Many generated programs as one: their texts come in, one program that runs each in turn leaves.

Most of what one program costs is the same for all of them: the core library, the OS layer, starting
an emulator. Every top-level name gets the number of its program; `trace` begins anew for each.
"""

import re

from tests.fuzz.generate import MAY_END_EARLY, SUPPORT

_NAME = re.compile(
    r"^(?:struct|enum|type|const \w+|static \S+|fn(?: \w+\.(?=\w))?) ?(\w+)", re.MULTILINE
)


def may_join(text: str) -> bool:
    """Whether a program always runs to its end, so that others may follow it."""
    return not text.startswith(MAY_END_EARLY) and "exit(" not in text


def join(programs: list[str]) -> str:
    """Return a program that does what these do, one after the other."""
    parts = [SUPPORT]
    steps = []
    for number, text in enumerate(programs):
        own = text.replace(SUPPORT, "")
        names = "|".join(sorted(set(_NAME.findall(own))))
        parts.append(re.sub(rf"\b({names})\b", rf"\1_of_{number}", own))
        main = f"main_of_{number}()"
        has_result = "\nfn main() -> " in text
        call = f'println("status", {main})' if has_result else f"{main};"
        steps.append(f'    println("program {number}")\n    trace = 1\n    {call}')
    return "\n".join([*parts, "fn main() {", *steps, "}", ""])
