"""The service's pages in a real browser: fleet, machine, charts, acknowledging, and nothing from elsewhere."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.browser import Browser, find_chromium
from tests.acceptance.conftest import Plant

pytestmark = pytest.mark.xdist_group("services")
CHARTS = ("health-chart", "trend-chart", "spectrum-chart", "waveform-chart")


@pytest.fixture
def browser(plant: Plant, tmp_path: Path) -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        assert not (os.environ.get("CI") == "true" or os.environ.get("PDM_REQUIRE_BROWSER") == "1"), "no Chromium"
        pytest.skip("Chromium is not installed: `make setup` installs it")
    with Browser(program, tmp_path / "profile") as browser:
        yield browser
        browser.evaluate("1")  # earlier messages of the page have arrived
        assert browser.complaints == []
        outside = [u for u in browser.requests if not u.startswith((f"{plant.url}/", "data:", "about:", "blob:"))]
        assert outside == [], "a request left the host"


def sign_in(browser: Browser, plant: Plant) -> None:
    browser.open(f"{plant.url}/")
    browser.wait_for("document.activeElement?.id === 'key'")
    browser.type(plant.key)
    browser.press_enter()
    browser.wait_for(f"!!document.querySelector('tr[data-machine=\"{plant.failing}\"]')")


def row(browser: Browser, machine: str) -> str:
    return str(browser.evaluate(f"document.querySelector('tr[data-machine=\"{machine}\"]').innerText"))


def test_the_key_is_asked_for_once_and_the_fleet_shows_the_worst_machine_first(browser: Browser, plant: Plant) -> None:
    sign_in(browser, plant)
    assert browser.evaluate("document.querySelector('#fleet tbody tr').dataset.machine") == plant.failing
    assert "bearing" in row(browser, plant.failing)
    assert "no fault found" in row(browser, plant.healthy)
    assert "not analysed yet" in row(browser, plant.silent) or "learning" in row(browser, plant.silent)
    browser.open(f"{plant.url}/")
    browser.wait_for(f"!!document.querySelector('tr[data-machine=\"{plant.failing}\"]')")
    assert browser.evaluate("document.getElementById('ask').open") is False


def test_a_machine_opens_by_keyboard_and_its_charts_are_drawn_with_units(browser: Browser, plant: Plant) -> None:
    sign_in(browser, plant)
    browser.evaluate(f"document.querySelector('tr[data-machine=\"{plant.failing}\"] button').focus()")
    browser.press_enter()
    for chart in CHARTS:
        drawn = browser.wait_for(f"document.querySelector('#{chart} path.curve')?.getAttribute('d')")
        assert drawn.count("L") > 20
        assert "NaN" not in drawn
    assert "m/s²" in browser.evaluate("document.getElementById('waveform-chart').textContent")
    browser.evaluate(
        "(() => { const pick = document.getElementById('feature'); pick.value = 'velocity_rms';"
        " pick.dispatchEvent(new Event('change')); })()"
    )
    browser.wait_for("document.getElementById('trend-chart').textContent.includes('velocity rms, m/s')")


def test_a_machine_that_sent_nothing_says_so(browser: Browser, plant: Plant) -> None:
    sign_in(browser, plant)
    browser.evaluate(f"document.querySelector('tr[data-machine=\"{plant.silent}\"] button').click()")
    browser.wait_for("document.getElementById('waveform-chart').textContent.includes('no waveform of this point yet')")
    assert "no prognosis" in browser.evaluate("document.getElementById('rul-chart').textContent")


def test_an_alert_is_acknowledged_from_the_page(browser: Browser, plant: Plant) -> None:
    sign_in(browser, plant)
    (alert,) = plant.client.pages("/v1/alerts", machine=plant.failing)
    assert alert["state"] == "unacknowledged"
    browser.evaluate(f"document.querySelector('li[data-alert=\"{alert['id']}\"] button:last-child').focus()")
    browser.press_enter()
    browser.wait_for("document.getElementById('alerts').textContent.includes('acknowledged by')")
    assert plant.client.get(f"/v1/alerts/{alert['id']}")["state"] == "acknowledged"


HOSTILE = '<img src=x onerror="window.broken=1"><b>bold</b>'


def open_case(browser: Browser, plant: Plant) -> str:
    """Sign in, open the case of the failing machine's alert by keyboard and return the alert's id."""
    sign_in(browser, plant)
    (alert,) = plant.client.pages("/v1/alerts", machine=plant.failing)
    browser.wait_for(f"!!document.querySelector('li[data-alert=\"{alert['id']}\"] .told')")
    browser.evaluate(f"document.querySelector('li[data-alert=\"{alert['id']}\"] .told').focus()")
    browser.press_enter()
    browser.wait_for("document.getElementById('case').open && document.querySelectorAll('#case-history li').length > 0")
    return str(alert["id"])


def submit(browser: Browser, verb: str, **given: str) -> None:
    """Fill in a form of the case and send it."""
    for name, value in given.items():
        browser.evaluate(f"document.querySelector('form[data-verb={verb}] [name={name}]').value = {json.dumps(value)}")
    browser.evaluate(f"document.querySelector('form[data-verb={verb}] button').click()")


def test_a_case_says_what_to_check_and_takes_what_people_say_as_text(browser: Browser, plant: Plant) -> None:
    alert = open_case(browser, plant)
    known = plant.client.get(f"/v1/alerts/{alert}/case")
    assert browser.evaluate("document.querySelectorAll('#case-checks li').length") == len(known["checks"]) > 0
    assert known["checks"][0]["text"] in browser.evaluate("document.getElementById('case-checks').textContent")
    assert browser.evaluate("document.querySelector('#case-trend path.curve').getAttribute('d')").count("L") > 20
    submit(browser, "comment", comment=HOSTILE)
    browser.wait_for(f"document.getElementById('case-history').textContent.includes({json.dumps(HOSTILE)})")
    submit(browser, "feedback", verdict="true", finding=HOSTILE)
    browser.wait_for(f"document.getElementById('case-feedback').textContent.includes({json.dumps(HOSTILE)})")
    assert browser.evaluate("document.querySelectorAll('#case img, #case b').length") == 0
    assert browser.evaluate("window.broken === undefined") is True
    assert plant.client.get(f"/v1/alerts/{alert}/case")["feedback"][0]["verdict"] == "true"


def test_a_case_is_shelved_from_the_page_and_no_other_change_is_overwritten(browser: Browser, plant: Plant) -> None:
    alert = open_case(browser, plant)
    assert browser.evaluate("document.querySelector('button[data-verb=unshelve]').hidden") is True
    submit(browser, "shelve", minutes="30", reason="waits for the night shift")
    browser.wait_for("!document.querySelector('button[data-verb=unshelve]').hidden")
    assert "waits for the night shift" in browser.evaluate("document.getElementById('case-facts').textContent")
    assert plant.client.get(f"/v1/alerts/{alert}")["withheld"] == "shelved"
    browser.evaluate("document.querySelector('button[data-verb=unshelve]').click()")
    browser.wait_for("!document.querySelector('form[data-verb=shelve]').hidden")
    assert plant.client.get(f"/v1/alerts/{alert}")["withheld"] is None
    with httpx.Client(base_url=plant.url, trust_env=False, headers={"Authorization": f"Bearer {plant.key}"}) as http:
        version = http.get(f"/v1/alerts/{alert}").headers["ETag"]
        posted = http.post(f"/v1/alerts/{alert}/comment", json={"comment": "seen"}, headers={"If-Match": version})
        assert posted.status_code == 200
    submit(browser, "comment", comment="written over it")
    browser.wait_for("document.getElementById('case-problem').textContent.includes('Changed by another user')")
    browser.wait_for("document.getElementById('case-history').textContent.includes('seen')")
    assert "written over it" not in str(plant.client.get(f"/v1/alerts/{alert}")["history"])
    assert all("412" in complaint for complaint in browser.complaints)
    browser.complaints.clear()


def test_the_page_speaks_korean_when_asked_and_english_again(browser: Browser, plant: Plant) -> None:
    sign_in(browser, plant)
    browser.evaluate("document.getElementById('language').click()")
    browser.wait_for("document.documentElement?.lang === 'ko'")
    browser.wait_for(f"document.querySelector('tr[data-machine=\"{plant.failing}\"]')?.innerText.includes('베어링')")
    assert browser.evaluate("document.getElementById('alerts-title').textContent") == "발생 중인 경보"
    browser.wait_for("/건전도|진동|진단|수명|결함/.test(document.querySelector('#alerts .grow')?.textContent)")
    assert "발견된 결함 없음" in row(browser, plant.healthy)
    browser.evaluate("document.getElementById('language').click()")
    browser.wait_for("document.documentElement?.lang === 'en'")
    assert browser.evaluate("document.getElementById('alerts-title').textContent") == "Open alerts"


def test_the_reference_is_drawn_from_own_files(browser: Browser, plant: Plant) -> None:
    browser.open(f"{plant.url}/docs")
    browser.wait_for("document.querySelectorAll('.opblock').length > 20")
