"""The report of a self-test: one text file with all that its reader needs to know."""

import platform
from datetime import UTC, datetime

from mlrift import VERSION
from mlrift.runtime.kfd.topology import Node
from mlrift.selftest.running import CaseResult


def summary(results: list[CaseResult]) -> str:
    """Return how many were right, in words."""
    run = [row for row in results if not row.missing]
    right = sum(not row.problem for row in run)
    rest = len(results) - len(run)
    more = f", {rest} not for this chip" if rest else ""
    return f"{right} of {len(run)} cases right{more}"


def _word(row: CaseResult) -> str:
    return "-----" if row.missing else "wrong" if row.problem else "right"


def write_report(node: Node, driver: str, findings: str, results: list[CaseResult]) -> str:
    """Return the report. `driver` says what the device is: the kernel's, or an emulated one."""
    wrong = [row for row in results if row.problem]
    head = [
        f"MLRift {VERSION} self-test, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"host: {platform.platform()}, Python {platform.python_version()}",
        f"device: {node.gfx} ({driver})",
        f"result: {summary(results)}",
        "",
        "Machine",
        findings.rstrip(),
        "",
        "Topology",
        *(f"  {name} {number}" for name, number in sorted(node.properties.items())),
        "",
    ]
    if wrong:
        head += ["Wrong", *(f"  {row.name}: {row.problem}" for row in wrong), ""]
    rows = [
        f"  {_word(row)} {row.seconds * 1e3:9.3f} ms  {row.name}"
        + (f": {row.missing}" if row.missing else "")
        for row in results
    ]
    return "\n".join([*head, "Cases", *rows]) + "\n"
