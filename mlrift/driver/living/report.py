"""The texts of `mlrc lc`: findings in, what is printed out."""

from collections.abc import Iterable

from mlrift.driver.living.patterns import Pattern, Surface
from mlrift.driver.living.proposals import PROPOSALS, Proposal, State
from mlrift.driver.living.telemetry import Telemetry
from mlrift.values import value

DEFAULT_PROFILE = "stable"


@value
class Findings:
    """What a report tells; patterns below `least_fitness` are counted and not shown."""

    telemetry: Telemetry
    score: int
    patterns: list[Pattern]
    least_fitness: int
    proposals: list[Proposal]
    states: dict[str, State]


def report(path: str, findings: Findings) -> str:
    """Return the report on a file."""
    found = findings.telemetry
    patterns = [row for row in findings.patterns if row.fitness >= findings.least_fitness]
    rows = (
        ("functions", found.functions),
        ("calls discarded", found.discarded_calls),
        ("calls returned", found.returned_calls),
        ("pointer statements", found.pointer_statements),
        ("statements", found.statements),
        ("patterns", len(findings.patterns)),
    )
    lines = [f"living compiler report: {path}", f"profile: {found.profile or DEFAULT_PROFILE}", ""]
    lines += ["Telemetry", *(f"  {name + ':':<20} {count}" for name, count in rows), ""]
    lines += [f"Fitness: {findings.score}/100", ""]
    for surface in Surface:
        lines += [surface.title, *_pattern_lines(patterns, surface), ""]
    lines += ["Proposals", *_proposal_lines(findings.proposals, findings.states)]
    return "\n".join(lines) + "\n"


def list_proposals(states: dict[str, State]) -> str:
    """Return the text of `--list-proposals`."""
    blocks = [
        f"{row.name} ({states[row.name].value})\n"
        f"  trigger: {row.trigger}\n  before:  {row.before}\n  after:   {row.after}\n"
        for row in PROPOSALS
    ]
    return "\n".join(blocks)


def _pattern_lines(patterns: Iterable[Pattern], surface: Surface) -> list[str]:
    rows = [row for row in patterns if row.surface is surface]
    return [f"  [{row.fitness:>2}] {row.name}: {row.detail}" for row in rows] or ["  none"]


def _proposal_lines(proposals: list[Proposal], states: dict[str, State]) -> list[str]:
    lines = []
    for row in proposals:
        lines.append(f"  {row.name} ({states[row.name].value}): {row.trigger}")
        lines.append(f"    {row.before}  ->  {row.after}")
    return lines or ["  none"]
