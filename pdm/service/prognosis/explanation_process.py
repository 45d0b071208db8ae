"""The child process of one explanation: a machine on standard input, its explained prognosis on standard output."""

from __future__ import annotations

import orjson
import psycopg

from pdm.child_process import answer
from pdm.service.platform.subprocess_call import Row
from pdm.service.prognosis.explanation import explain_machine
from pdm.store.database.connection import conninfo


def _explain(body: bytes) -> Row:
    asked = orjson.loads(body)
    with psycopg.connect(conninfo(asked["dsn"])) as conn:
        return explain_machine(conn, asked["machine"], asked["fleet"])


if __name__ == "__main__":
    answer(_explain)
