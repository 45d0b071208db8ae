"""The child process of one backtest: a request on standard input, the report or the refusal on standard output."""

from __future__ import annotations

from datetime import datetime

import orjson

from pdm.child_process import answer
from pdm.service.platform.subprocess_call import Row
from pdm.service.rules.backtest import BacktestRequest, backtest, candidate_of
from pdm.service.rules.rule_sets import check_content


def _backtest(body: bytes) -> Row:
    asked = orjson.loads(body)
    candidate = None
    if asked["document"] is not None:
        candidate = candidate_of(check_content(asked["document"]), asked["scope"], asked["target"])
    question = BacktestRequest(
        datetime.fromisoformat(asked["since"]),
        datetime.fromisoformat(asked["before"]),
        candidate,
        None if asked["machines"] is None else tuple(asked["machines"]),
        None if asked["site_ids"] is None else tuple(asked["site_ids"]),
        asked["credit_horizons"],
        asked["with_suggestions"],
        asked["model_id"],
    )
    found: Row = backtest(asked["dsn"], question).document()
    return found


if __name__ == "__main__":
    answer(_backtest)
