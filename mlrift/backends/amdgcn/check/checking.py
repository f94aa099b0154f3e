"""The static checker: machine code of a kernel, or a code object, to broken rules (gpu.md 6.4).

Nothing but the bytes and the descriptor is believed: no knowledge of the compiler that made them
enters. An empty list says that no rule is broken as far as is known; docs/kernel-checker.md tells
what each rule covers and what none does.
"""

from mlrift.backends.amdgcn.check.clauses import check_clauses
from mlrift.backends.amdgcn.check.context import Report, Subject
from mlrift.backends.amdgcn.check.decoding import DecodedCode, decode_code
from mlrift.backends.amdgcn.check.execution import check_execution
from mlrift.backends.amdgcn.check.finding import Finding, Rule
from mlrift.backends.amdgcn.check.graph import Graph, reachable
from mlrift.backends.amdgcn.check.hazards import check_hazards
from mlrift.backends.amdgcn.check.known_values import follow_jumps, is_call
from mlrift.backends.amdgcn.check.limits import check_limits
from mlrift.backends.amdgcn.check.memory import check_memory
from mlrift.backends.amdgcn.check.padding import check_padding
from mlrift.backends.amdgcn.check.registers import check_registers
from mlrift.backends.amdgcn.check.resources import check_resources
from mlrift.backends.amdgcn.check.scalar_reads import check_scalar_reads
from mlrift.backends.amdgcn.check.steps import Step
from mlrift.backends.amdgcn.check.waits import check_waits
from mlrift.backends.amdgcn.chips import Chip
from mlrift.backends.amdgcn.codeobject.descriptor import Descriptor, describe
from mlrift.backends.amdgcn.codeobject.errors import CodeObjectError
from mlrift.backends.amdgcn.codeobject.model import KernelImage, SourceLine
from mlrift.backends.amdgcn.codeobject.read import read
from mlrift.backends.amdgcn.isa import print_instruction
from mlrift.values import record

_RULES = (
    check_limits,
    check_waits,
    check_registers,
    check_hazards,
    check_scalar_reads,
    check_clauses,
    check_execution,
    check_memory,
)


def check_kernel(kernel: KernelImage, chip: Chip) -> list[Finding]:
    """Return the broken rules of a compiled kernel, with the descriptor we would write for it."""
    return check_code(kernel, describe(kernel, chip, 0), chip)


def check_code_object(data: bytes) -> list[Finding]:
    """Return the broken rules of all kernels of a file; a malformed file is a finding."""
    try:
        loaded = read(data)
    except CodeObjectError as error:
        return [Finding("", 0, "", Rule.FILE, str(error))]
    memory = loaded.memory(0)
    findings: list[Finding] = []
    for row in loaded.kernels:
        findings += check_code(row.image, row.descriptor, loaded.chip)
        findings += check_padding(row, memory)
    return findings


def check_code(kernel: KernelImage, descriptor: Descriptor, chip: Chip) -> list[Finding]:
    """Return the broken rules of a kernel that starts as a descriptor says."""
    journal = _Journal(kernel, chip, [], set())
    for message in check_resources(kernel, descriptor, chip):
        journal.add(0, "", Rule.DESCRIPTOR, message)
    if not descriptor.is_wave32:
        return journal.findings
    decoded = decode_code(kernel.code, chip.generation)
    if not decoded.steps:
        journal.add(0, "", Rule.DECODE, decoded.problem or "there is no code")
        return journal.findings
    graph = _follow(decoded, journal)
    subject = Subject(graph, descriptor, chip, kernel.kernarg_bytes, journal.report)
    for rule in _RULES:
        rule(subject)
    return sorted(journal.findings, key=lambda row: row.offset)


def _follow(decoded: DecodedCode, journal: "_Journal") -> Graph:
    """Return the graph of what can be executed; report where it leads out of the code."""
    graph, jumps = follow_jumps(decoded.steps)
    alive = reachable(graph)
    steps = [step for index in alive for step in graph.blocks[index].steps]
    executed = {step.offset for step in steps}
    for step in graph.stray:
        if step.offset in executed:
            _report_stray(step, jumps, decoded, journal.report)
    for step in steps:
        operation = step.instruction.row.operation
        if is_call(step):
            journal.report(step, Rule.CALL, "calls a function, which is not followed")
        elif operation == "s_setpc_b64" and step.offset not in jumps:
            journal.report(step, Rule.BRANCH_TARGET, "goes to an address that is not known")
    last = graph.falls_off
    if last is not None and last.offset in executed:
        if decoded.problem:
            journal.add(decoded.end, "", Rule.DECODE, decoded.problem)
        else:
            journal.report(last, Rule.FALLS_OFF, "the code ends here without `s_endpgm`")
    graph.blocks[:] = [
        block if block.index in alive else type(block)(block.index, [], [])
        for block in graph.blocks
    ]
    return graph


def _report_stray(step: Step, jumps: dict[int, int], decoded: DecodedCode, report: Report) -> None:
    target = jumps.get(step.offset, step.target)
    if not 0 <= target < decoded.end:
        report(
            step,
            Rule.BRANCH_TARGET,
            f"goes to {target:#x}, but the code that can be decoded is {decoded.end:#x} bytes long",
        )
    else:
        report(step, Rule.BRANCH_TARGET, f"goes to {target:#x}, inside an instruction")


@record
class _Journal:
    """Findings about one kernel, each once."""

    kernel: KernelImage
    chip: Chip
    findings: list[Finding]
    seen: set[tuple[int, Rule, str]]

    def report(self, step: Step, rule: Rule, message: str) -> None:
        """Add a finding about an instruction."""
        text = print_instruction(step.instruction, self.chip.generation)
        self.add(step.offset, text, rule, message)

    def add(self, offset: int, text: str, rule: Rule, message: str) -> None:
        """Add a finding."""
        key = (offset, rule, message)
        if key in self.seen:
            return
        self.seen.add(key)
        place = _line_at(self.kernel.lines, offset)
        path, line = ("", 0) if place is None else (place.path, place.line)
        self.findings.append(Finding(self.kernel.name, offset, text, rule, message, path, line))


def _line_at(lines: tuple[SourceLine, ...], offset: int) -> SourceLine | None:
    """Return the line that the instruction at an offset belongs to, None before the first."""
    found = None
    for row in lines:
        if row.offset > offset:
            break
        found = row
    return found
