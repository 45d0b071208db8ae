"""The process of one backtest: a question on standard input, the report or the refusal on standard output."""

from __future__ import annotations

import sys
from datetime import datetime

import orjson

from pdm.errors import PdmError
from pdm.service.backtest import Question, backtest, candidate_of
from pdm.service.rules import check_content


def main() -> None:
    """Answer one question."""
    asked = orjson.loads(sys.stdin.buffer.read())
    try:
        candidate = None
        if asked["document"] is not None:
            candidate = candidate_of(check_content(asked["document"]), asked["scope"], asked["target"])
        question = Question(
            datetime.fromisoformat(asked["since"]),
            datetime.fromisoformat(asked["before"]),
            candidate,
            None if asked["machines"] is None else tuple(asked["machines"]),
            None if asked["site_ids"] is None else tuple(asked["site_ids"]),
            asked["credit_horizons"],
            asked["with_suggestions"],
            asked["model_id"],
        )
        answer = backtest(asked["dsn"], question).document()
    except PdmError as error:
        answer = {"error": error.code, "message": error.message, "field": error.field}
    sys.stdout.buffer.write(orjson.dumps(answer))


if __name__ == "__main__":
    main()
