"""Receipts: one immutable row per request."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from pdm.measurements import Outcome, Problem, Receipt, RecordResult
from pdm.store.database.queries import query


def insert_receipt(conn: Connection[Any], receipt: Receipt, actor: str) -> None:
    """Store the receipt of a request."""
    counts = {outcome.value: receipt.count(outcome) for outcome in Outcome}
    conn.execute(
        query("insert_receipt"),
        {
            "receipt_id": receipt.receipt_id,
            "received_at": receipt.received_at,
            "actor": actor,
            "results": Jsonb([result_to_document(result) for result in receipt.results]),
            **counts,
        },
    )


def result_to_document(result: RecordResult) -> dict[str, Any]:
    """Return a result as it is stored and returned; empty fields of a problem are omitted."""
    return {
        "record": result.record,
        "machine": result.machine,
        "measured_at": result.measured_at,
        "outcome": result.outcome.value,
        "problems": [_problem_to_document(problem) for problem in result.problems],
    }


def _problem_to_document(problem: Problem) -> dict[str, Any]:
    return {name: value for name, value in asdict(problem).items() if value is not None}
