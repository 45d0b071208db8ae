"""Every place that lists the kinds of receivers lists the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from api.schemas import subscriptions as schemas
from pdm.notify import receivers
from pdm.notify.message import STATE_KINDS
from pdm.notify.senders import make_sender
from pdm.service.delivery.messages import REMINDED_EVERY
from tests.contract.test_receivers import KINDS

ROOT = Path(__file__).parents[2]


def sent() -> set[str]:
    """Return the kinds that have a sender of their own."""
    names = {kind: type(make_sender(kind)).__name__ for kind in KINDS}
    return {kind for kind, name in names.items() if list(names.values()).count(name) == 1}


def stored() -> set[str]:
    """Return the kinds that the newest migration which lists them permits."""
    files = sorted((ROOT / "migrations").glob("0*.sql"))
    lists = [re.findall(r"CHECK \(kind IN \(('webhook'.*?)\)\)", path.read_text(encoding="utf-8")) for path in files]
    newest = [found[-1] for found in lists if found][-1]
    return set(re.findall(r"'(\w+)'", newest))


def documented() -> set[str]:
    """Return the kinds with a row in docs/delivery.md."""
    page = (ROOT / "docs" / "delivery.md").read_text(encoding="utf-8")
    table = page.partition("| kind |")[2].partition("\n\n")[0]
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


PLACES: dict[str, Callable[[], set[str]]] = {
    "api/schemas/subscriptions.py": lambda: set(get_args(schemas.Kind)),
    "pdm/notify/receivers.py": lambda: set(receivers._CHECKS),
    "pdm/notify/senders.py": sent,
    "migrations": stored,
    "docs/delivery.md": documented,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_lists_every_kind_of_receiver(place: str) -> None:
    assert PLACES[place]() == set(KINDS), "the kinds of tests/contract/test_receivers.py"


def test_every_receiver_that_keeps_a_state_is_reminded_of_it() -> None:
    assert set(REMINDED_EVERY) == set(STATE_KINDS)
