"""For each guarantee one mutant of the program: applied to a copy of it, it must turn a named test red."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fault.source_copy import ROOT, Change, run_in_copy


@dataclass(frozen=True)
class Mutant:
    """A change of the program's text, found wherever that lies, and the test that it must turn red."""

    old: str
    new: str
    test: str


MUTANTS = {
    "acknowledge before commit": Mutant(
        "    receipt_id = uuid4()\n    with pool.connection() as conn, conn.transaction():\n",
        '    receipt_id = uuid4()\n    conn = pool.getconn()\n    conn.execute("BEGIN")\n    if True:\n',
        "tests/integration/test_record.py::test_a_receipt_means_that_other_connections_see_the_record",
    ),
    "unique key of waveforms dropped": Mutant(
        "    payload       bytea NOT NULL,\n    PRIMARY KEY (point_id, measured_at)\n",
        "    payload       bytea NOT NULL\n",
        "tests/integration/test_record.py::test_the_same_record_again_is_a_duplicate_and_waits_once",
    ),
    "unique key of open alerts dropped": Mutant(
        "CREATE UNIQUE INDEX alert_one_open ON alert (machine_id, cause) WHERE state <> 'normal';",
        "CREATE INDEX alert_one_open ON alert (machine_id, cause) WHERE state <> 'normal';",
        "tests/integration/test_alerts.py::test_a_cause_never_has_two_open_alerts_whatever_the_caller_believes",
    ),
    "halving skipped": Mutant(
        "            elif len(claims) == 1 and len(claims[0].waiting) <= 1:\n",
        "            elif True:\n",
        "tests/integration/test_worker.py::test_poison_is_set_aside_alone",
    ),
    "an event of a component applied to the machine": Mutant(
        "(self.is_only if component is None else component == self.component)",
        "True",
        "tests/unit/test_component_events.py::test_the_worn_bearing_stays_worn_when_the_motor_is_replaced",
    ),
    "a voided event counted": Mutant(
        "WHERE n.status IS DISTINCT FROM 'voided';\n",
        "WHERE true;\n",
        "tests/integration/test_corrected_work_events.py::"
        "test_an_event_known_late_and_voided_is_as_if_it_had_never_been",
    ),
    "evidence of a diagnosis ignored": Mutant(
        "    verdict = Verdict.WEAK if reasons else Verdict.SUPPORTED\n",
        "    verdict = Verdict.SUPPORTED\n",
        "tests/unit/test_diagnosis_refusals.py::test_a_clipped_record_supports_nothing",
    ),
    "evidence beside a prognosis ignored": Mutant(
        "        if self.health_below is not None and health >= self.health_below:\n",
        "        if False:\n",
        "tests/unit/test_alerts_evaluate.py::test_a_short_remaining_life_alone_raises_no_alert",
    ),
}
QUICK = [name for name in MUTANTS if name.startswith("evidence")]  # their tests take no database


def _place(mutant: Mutant, root: Path) -> Path:
    """Return the one file that has the text to change."""
    files = [path for folder in ("pdm", "api", "migrations") for path in (root / folder).rglob("*")]
    sources = [path for path in files if path.suffix in (".py", ".sql")]
    found = [path for path in sources if mutant.old in path.read_text(encoding="utf-8")]
    assert len(found) == 1, f"the text to change is in {[str(path) for path in found]}, not in one file: {mutant.old!r}"
    assert found[0].read_text(encoding="utf-8").count(mutant.old) == 1, f"{found[0]} has it more than once"
    return found[0]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_finds_the_text_that_it_changes_and_the_test_that_it_fails(name: str) -> None:
    mutant = MUTANTS[name]
    _place(mutant, ROOT)
    path, _, function = mutant.test.partition("::")
    assert f"def {function}(" in (ROOT / path).read_text(encoding="utf-8")


def _run_against(mutant: Mutant, folder: Path, server: str | None) -> str:
    file = _place(mutant, ROOT).relative_to(ROOT)
    return run_in_copy(folder, [mutant.test], Change(str(file), mutant.old, mutant.new), server)


def _assert_red(mutant: Mutant, output: str) -> None:
    assert f"FAILED {mutant.test}" in output, output[-5000:]
    assert "1 failed" in output, output[-5000:]


@pytest.mark.parametrize("name", QUICK)
def test_a_mutant_of_what_decides_turns_its_test_red(name: str, tmp_path: Path) -> None:
    _assert_red(MUTANTS[name], _run_against(MUTANTS[name], tmp_path, None))


@pytest.mark.trust("mutants")
@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in QUICK])
def test_a_mutant_of_what_stores_turns_its_test_red(name: str, tmp_path: Path, server: str) -> None:
    _assert_red(MUTANTS[name], _run_against(MUTANTS[name], tmp_path, server))
