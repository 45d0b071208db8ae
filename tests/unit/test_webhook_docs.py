from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from pdm.alerts.rules.rule import DEFAULT_RULES
from pdm.notify.webhook import WebhookSender, new_secret
from tests.unit.test_webhook_sending import LOOPBACK, receiving

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")


def test_the_example_in_the_documentation_verifies_a_real_message_and_refuses_a_forged_one() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(example, namespace)
    secret, sender = new_secret(), WebhookSender(LOOPBACK)
    with receiving() as receiver:
        assert sender.post(receiver.url, secret, "1", {"type": "alert.opened"}, datetime.now(UTC)).is_delivered
    sender.close()
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n")[1:])
    assert namespace["verified_event"](secret, headers, body) == {"type": "alert.opened"}
    with pytest.raises(WebhookVerificationError):
        namespace["verified_event"](secret, headers, body.replace(b"opened", b"closed"))


def test_the_documentation_lists_every_rule_with_its_severity() -> None:
    listed = dict(re.findall(r"^\| `([\w-]+)` \| (advisory|warning|critical) \|", PAGE, flags=re.MULTILINE))
    assert listed == {rule.key: rule.severity.value for rule in DEFAULT_RULES.rules}
