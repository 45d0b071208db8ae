"""The tables of docs/alerts.md are those of the code; `python -m tests.unit.test_alerts_docs` writes them anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pdm.alerts.lifecycle.escalation import ESCALATION_POLICIES
from pdm.alerts.lifecycle.inhibition import INHIBITIONS, Trait
from pdm.alerts.states import TRANSITIONS, AlertState, Demands, Ending, Refused, Verb

PAGE = Path(__file__).parents[2] / "docs" / "alerts.md"


def transitions() -> str:
    states = list(AlertState)
    lines = ["| verb | " + " | ".join(f"`{state.value}`" for state in states) + " |", "|---" * (len(states) + 1) + "|"]
    for verb in Verb:
        lines.append(f"| {verb.value} | " + " | ".join(cell(state, verb) for state in states) + " |")
    return "\n".join(lines)


def cell(state: AlertState, verb: Verb) -> str:
    entry = TRANSITIONS[state, verb]
    if isinstance(entry, Refused):
        return "-"
    cases = (Demands(True, False), Demands(False, True), Demands())
    steps = [entry.resolve(demands) for demands in cases] if isinstance(entry, Ending) else [entry]
    cells = [f"{step.state.value} ({', '.join(step.kinds)})" if step.kinds else step.state.value for step in steps]
    return " / ".join(dict.fromkeys(cells) if len(set(cells)) == 1 else cells)


def inhibitions() -> str:
    lines = ["| cause | inhibits | reason |", "|---|---|---|"]
    for line in INHIBITIONS:
        silenced = trait(line.consequence) + (", all of whose evidence is of that point" * line.is_of_the_point)
        lines.append(f"| {trait(line.cause)} | {silenced} | {line.because} |")
    return "\n".join(lines)


def trait(kind: Trait) -> str:
    return f"{kind.category.value}: {', '.join(kind.faults) or 'any'}"


def patience() -> str:
    lines = ["| severity | overdue after | reminder every | number of reminders |", "|---|---|---|---|"]
    for severity, wait in sorted(ESCALATION_POLICIES.items(), key=lambda item: -item[0].rank):
        lines.append(f"| {severity.value} | {hours(wait.first)} | {hours(wait.again)} | {wait.times} |")
    return "\n".join(lines)


def hours(time: object) -> str:
    seconds = int(time.total_seconds())  # type: ignore[attr-defined]
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


TABLES = {"transitions": transitions, "inhibitions": inhibitions, "patience": patience}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_page_is_that_of_the_code(name: str) -> None:
    found = re.search(rf"<!-- {name} -->\n(.*)\n<!-- end of {name} -->", PAGE.read_text(), flags=re.DOTALL)
    assert found is not None
    assert found[1].strip() == TABLES[name]()


def write() -> None:
    page = PAGE.read_text()
    for name, table in TABLES.items():
        page = re.sub(
            rf"<!-- {name} -->\n.*?<!-- end of {name} -->",
            f"<!-- {name} -->\n{table()}\n<!-- end of {name} -->",
            page,
            flags=re.DOTALL,
        )
    PAGE.write_text(page)


if __name__ == "__main__":
    write()
