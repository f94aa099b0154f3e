"""Generate tables.py from mlrift.lark: `python -m mlrift.frontend.grammar.generate`.

Lark reads the grammar and computes the LALR(1) automaton; what leaves is Python source holding
data only, numbered in an order that depends on the grammar alone. A compiler run imports the
tables and never Lark. A test fails when the committed tables are not current.

States whose only choice is one reduction are folded away: an action or goto that would enter such
a state is written `SHIFT_REDUCE + production` instead.
"""

from pathlib import Path

from lark.common import ParserConf
from lark.load_grammar import load_grammar
from lark.parsers.lalr_analysis import LALR_Analyzer, Shift

from mlrift.static_types import Any
from mlrift.values import value

GRAMMAR_PATH = Path(__file__).with_name("mlrift.lark")
TABLES_PATH = Path(__file__).with_name("tables.py")
START_SYMBOLS = ("module", "expression")
END_NAME = "$END"
SHIFT_REDUCE = 4096
PASS_ON, LIST_START, LIST_EXTEND = "(pass on)", "(list start)", "(list extend)"

Row = dict[str, tuple[Any, Any]]


@value
class Automaton:
    """Lark's view of the grammar: symbols and rules are Lark's own objects."""

    terminals: list[Any]
    rules: list[Any]
    states: dict[Any, Row]
    start_states: dict[str, Any]


@value
class Numbering:
    """The numbers given to symbols, rules and the states that are kept."""

    kinds: dict[str, int]
    nonterminals: dict[str, int]
    productions: dict[Any, int]
    states: dict[Any, int]


def generate_tables(grammar_text: str) -> str:
    """Return the Python source of tables.py for a grammar."""
    automaton = _analyse(grammar_text)
    numbering = _number(automaton)
    sections = [
        '"""Generated from mlrift.lark by generate.py; do not edit."""\n',
        *_terminal_sections(automaton, numbering),
        *_rule_sections(automaton, numbering),
        *_state_sections(automaton, numbering),
    ]
    return "\n".join(sections)


def _analyse(grammar_text: str) -> Automaton:
    untyped: Any = (load_grammar, LALR_Analyzer)
    load, analyzer_class = untyped
    grammar, _ = load(grammar_text, GRAMMAR_PATH.name, [], True)
    terminals, rules, _ = grammar.compile(list(START_SYMBOLS), "*")
    analyzer = analyzer_class(ParserConf(rules, {}, list(START_SYMBOLS)))
    analyzer.compute_lalr()
    table = analyzer.parse_table
    return Automaton(terminals, rules, table.states, table.start_states)


def _number(automaton: Automaton) -> Numbering:
    spellings = _spellings(automaton)
    names = {str(name) for row in automaton.states.values() for name in row if name.isupper()}
    names.update(str(terminal.name) for terminal in automaton.terminals)
    ordered = sorted(
        names - {END_NAME}, key=lambda name: (name in spellings, spellings.get(name, name))
    )
    kinds = {name: kind for kind, name in enumerate([END_NAME, *ordered])}
    origins = dict.fromkeys(str(rule.origin.name) for rule in automaton.rules)
    nonterminals = {name: number for number, name in enumerate(origins)}
    productions = {rule: number for number, rule in enumerate(automaton.rules)}
    return Numbering(kinds, nonterminals, productions, _number_states(automaton))


def _spellings(automaton: Automaton) -> dict[str, str]:
    """Return Lark's name -> text for the terminals that are always spelt the same."""
    return {
        str(terminal.name): terminal.pattern.value
        for terminal in automaton.terminals
        if terminal.pattern.type == "str"
    }


def _number_states(automaton: Automaton) -> dict[int, int]:
    """Number states breadth first from the start states, neighbours by symbol name."""
    numbers: dict[Any, int] = {}
    queue = [automaton.start_states[symbol] for symbol in START_SYMBOLS]
    seen = set(queue)
    for state in queue:
        row = automaton.states[state]
        if _only_reduction(row) is None:
            numbers[state] = len(numbers)
        for symbol in sorted(row):
            action, target = row[symbol]
            if action is Shift and symbol != END_NAME and target not in seen:
                seen.add(target)
                queue.append(target)
    return numbers


def _only_reduction(row: Row) -> Any:
    """Return the rule that a state always reduces by, or None when it has a choice."""
    rules = {argument if action is not Shift else None for action, argument in row.values()}
    return next(iter(rules)) if len(rules) == 1 else None


def _terminal_sections(automaton: Automaton, numbering: Numbering) -> list[str]:
    spellings = _spellings(automaton)
    patterns: list[tuple[int, str, str]] = []
    fixed: dict[str, int] = {}
    keywords: list[str] = []
    for terminal in automaton.terminals:
        kind = numbering.kinds[terminal.name]
        if terminal.name == "TYPE_KEYWORD":
            keywords = terminal.pattern.to_regexp().strip("(?:)").split("|")
        elif terminal.name in spellings:
            fixed[spellings[terminal.name]] = kind
        else:
            patterns.append((-terminal.priority, str(terminal.name), terminal.pattern.to_regexp()))
    type_kind = numbering.kinds["TYPE_KEYWORD"]
    fixed.update(dict.fromkeys(sorted(keywords), type_kind))
    return [
        _literal("KIND_NAMES", "tuple[str, ...]", [spellings.get(k, k) for k in numbering.kinds]),
        _literal("FIXED", "dict[str, int]", fixed),
        _literal("PATTERNS", "tuple[tuple[str, str], ...]", [p[1:] for p in sorted(patterns)]),
    ]


def _rule_sections(automaton: Automaton, numbering: Numbering) -> list[str]:
    rows = [_production(rule, numbering) for rule in automaton.rules]
    return [
        f"SHIFT_REDUCE = {SHIFT_REDUCE}\n",
        _literal("NONTERMINALS", "tuple[str, ...]", tuple(numbering.nonterminals)),
        _literal("PRODUCTIONS", "tuple[tuple[int, int, str, tuple[int, ...]], ...]", rows),
    ]


def _production(rule: Any, numbering: Numbering) -> tuple[int, int, str, tuple[int, ...]]:
    """Return left side, length, builder name and the positions that receive None."""
    origin = rule.origin.name
    length = len(rule.expansion)
    absent = tuple(index for index, empty in enumerate(rule.options.empty_indices) if empty)
    if origin.startswith("__"):
        extends = rule.expansion[0].name == origin
        builder = LIST_EXTEND if extends else LIST_START
    elif rule.alias:
        builder = str(rule.alias)
    elif rule.options.expand1 and length == 1:
        builder = PASS_ON
    else:
        raise ValueError(f"alternative of rule {origin!r} has no builder name: {rule}")
    return numbering.nonterminals[origin], length, builder, _positions(absent)


def _positions(absent: tuple[int, ...]) -> tuple[int, ...]:
    """Return where to insert None, one after the other, to fill the absent positions."""
    positions: list[int] = []
    present_seen = 0
    cursor = 0
    for index in absent:
        present_seen += index - cursor
        cursor = index + 1
        positions.append(present_seen + len(positions))
    return tuple(positions)


def _state_sections(automaton: Automaton, numbering: Numbering) -> list[str]:
    lookaheads: dict[tuple[int, ...], int] = {}
    shifts: list[dict[int, int]] = []
    reductions: list[tuple[tuple[int, int], ...]] = []
    gotos: list[dict[int, int]] = []
    for state in numbering.states:
        row = automaton.states[state]
        shift_row: dict[int, int] = {}
        goto_row: dict[int, int] = {}
        reduce_rows: dict[int, list[int]] = {}
        for symbol in sorted(row):
            action, argument = row[symbol]
            if action is not Shift:
                production = numbering.productions[argument]
                reduce_rows.setdefault(production, []).append(numbering.kinds[symbol])
            elif symbol in numbering.nonterminals:
                target = _target(automaton, numbering, argument)
                goto_row[numbering.nonterminals[symbol]] = target
            elif symbol != END_NAME:
                shift_row[numbering.kinds[symbol]] = _target(automaton, numbering, argument)
        shifts.append(shift_row)
        gotos.append(goto_row)
        reductions.append(
            tuple(
                (production, lookaheads.setdefault(tuple(kinds), len(lookaheads)))
                for production, kinds in sorted(reduce_rows.items())
            )
        )
    return [
        _literal("LOOKAHEADS", "tuple[tuple[int, ...], ...]", tuple(lookaheads)),
        _literal("SHIFTS", "tuple[dict[int, int], ...]", shifts),
        _literal("REDUCTIONS", "tuple[tuple[tuple[int, int], ...], ...]", reductions),
        _literal("GOTOS", "tuple[dict[int, int], ...]", gotos),
    ]


def _target(automaton: Automaton, numbering: Numbering, state: Any) -> int:
    rule = _only_reduction(automaton.states[state])
    if rule is not None:
        return SHIFT_REDUCE + numbering.productions[rule]
    return numbering.states[state]


def _literal(name: str, annotation: str, value: Any) -> str:
    """Return an annotated assignment with one entry of the container on each line."""
    if isinstance(value, dict):
        lines = [f"    {key!r}: {item!r},\n" for key, item in value.items()]
        return f"{name}: {annotation} = {{\n{''.join(lines)}}}\n"
    lines = [f"    {item!r},\n" for item in value]
    return f"{name}: {annotation} = (\n{''.join(lines)})\n"


def main() -> None:
    """Write tables.py beside the grammar."""
    TABLES_PATH.write_text(generate_tables(GRAMMAR_PATH.read_text(encoding="utf-8")), "utf-8")


if __name__ == "__main__":
    main()
