"""Mails and chats say alerts in the words of a language."""

from __future__ import annotations

from typing import Any

import pytest

from pdm.notify.message import Event, Message
from pdm.notify.text import body_of, subject_of

DATA: dict[str, Any] = {
    "alert_id": "a-1",
    "severity": "critical",
    "kind": "opened",
    "state": "unacknowledged",
    "machine": "press-07",
    "machine_name": "Press 7",
    "component": "de-bearing",
    "site": "busan",
    "cause": "de-bearing",
    "actor": "analysis",
    "message": "health-low",
    "parameters": {"health": 0.52, "limit": 0.6, "symptom": "bearing_outer_race"},
    "occurred_at": "2026-11-01T12:00:00Z",
    "opened_at": "2026-11-01T11:00:00Z",
    "work_orders": [{"reference": "WO-7", "status": "open"}],
}


def _event(number: int, **other: Any) -> Event:
    return Event(f"id-{number}", {"type": "alert.opened", "timestamp": "", "data": DATA | other})


def test_a_mail_says_what_the_alert_says_and_where_to_read_it() -> None:
    one = Message("id-1", (_event(1),))
    text = "health 52 %, below the limit of 60 %; bearing outer race damage"
    assert subject_of(one) == f"[critical] Press 7 (press-07): {text} (raised)"
    assert body_of(one, "https://pdm.example.com/").splitlines() == [
        "critical, raised: Press 7 (press-07, de-bearing)",
        text,
        "when: 2026-11-01T12:00:00Z   open since: 2026-11-01T11:00:00Z",
        "state: active, not acknowledged   by: analysis",
        "site: busan   cause: de-bearing",
        "work order: WO-7 (open)",
        "https://pdm.example.com/v1/alerts/a-1",
        "event: id-1",
    ]


def test_a_korean_reader_gets_korean_texts() -> None:
    one = Message("id-1", (_event(1),))
    assert "건전도 52 %, 기준값 60 % 미만; 베어링 외륜 결함" in subject_of(one, "ko")
    body = body_of(one, language="ko")
    assert "건전도 52 %, 기준값 60 % 미만; 베어링 외륜 결함" in body
    assert "작업 지시: WO-7" in body
    assert not any(word in body for word in ("critical", "raised", "open since"))


@pytest.mark.parametrize(
    ("language", "worst", "events"), [("en", "critical", "5 alert events"), ("ko", "위험", "경보 이벤트 5건")]
)
def test_a_digest_names_the_worst_and_counts_the_machines(language: str, worst: str, events: str) -> None:
    batch = [_event(number, severity="warning", machine=f"m-{number}") for number in range(4)]
    digest = Message("digest", (*batch, _event(4, machine="m-4")), is_digest=True)
    subject = subject_of(digest, language)
    assert f"{events}: Press 7 (m-0), Press 7 (m-1), Press 7 (m-2) +2" in subject
    assert subject.startswith(f"[{worst}]")
    assert len(body_of(digest, language=language).split("\n\n")) == 5


def test_a_message_key_of_a_later_version_is_shown_as_its_name() -> None:
    assert "of tomorrow" in subject_of(Message("id-1", (_event(1, message="of-tomorrow", parameters={}),)))
