"""The process of one explanation: a machine on standard input, why its model says what it says on standard output."""

from __future__ import annotations

import psycopg

from pdm.service.platform.subprocess_call import Row, answer_one
from pdm.service.prognosis.explanation import explain_machine
from pdm.store.database.connection import conninfo


def _answer(asked: Row) -> Row:
    with psycopg.connect(conninfo(asked["dsn"])) as conn:
        return explain_machine(conn, asked["machine"], asked["fleet"])


if __name__ == "__main__":
    answer_one(_answer)
