"""The catalogues: both languages say the same keys with the same parameters, and every key that code emits."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pdm
from pdm import errors
from pdm.errors import NotFoundError
from pdm.health.baseline.tracked_features import CURRENT, CURRENT_GROUP, TEMPERATURE, VIBRATION
from pdm.health.diagnosis.checks import CHECKS
from pdm.health.diagnosis.model import Fault, Verdict
from pdm.health.roll_up import Urgency
from pdm.machines.model import ComponentKind
from pdm.machines.work_events import WorkEventKind
from pdm.words.catalogue import LANGUAGES, choose_language, messages
from pdm.words.phrases import say, say_any, say_doubt, say_duration

HANGUL = re.compile("[가-힣]")
SYMBOLS = {"page.language", "page.from-to", "at.point"}  # the other language's own name, figures or a key alone


def placeholders(template: str) -> set[tuple[str, str]]:
    return {(name, spec) for _, name, spec, _ in Formatter().parse(template) if name is not None and spec is not None}


def test_both_languages_hold_the_same_keys_in_the_same_order() -> None:
    assert list(messages("en")) == list(messages("ko"))
    assert len(messages("en")) > 200


@pytest.mark.parametrize("key", list(messages("en")))
def test_a_message_has_the_same_parameters_in_both_languages(key: str) -> None:
    assert placeholders(messages("en")[key]) == placeholders(messages("ko")[key])


@pytest.mark.parametrize("key", [key for key in messages("ko") if key not in SYMBOLS])
def test_a_korean_message_is_korean(key: str) -> None:
    assert HANGUL.search(messages("ko")[key]) or not re.search("[A-Za-z]{3}", messages("ko")[key])
    assert not HANGUL.search(messages("en")[key])


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_puts_a_particle_behind_a_parameter(language: str) -> None:
    # a particle depends on the sound before it, which a parameter does not tell: 베어링이, 기어가
    for key, text in messages(language).items():
        assert not re.search(r"\}(이|가|을|를|은|는|와|과|으로|로)(?![가-힣])", text), key


def _constants(path: Path) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def keys_in_code() -> dict[str, set[str]]:
    """Return by section the names that code can emit, from the enumerations and the source itself."""
    room = Path(pdm.__file__).parent
    reasons = re.compile(r"[a-z]+(-[a-z]+)+")
    emitted: dict[str, set[str]] = {
        "fault": {fault.value for fault in Fault},
        "verdict": {verdict.value for verdict in Verdict},
        "urgency": {urgency.value for urgency in Urgency},
        "component": {kind.value for kind in ComponentKind},
        "work": {kind.value for kind in WorkEventKind},
        "check": {check for checks in CHECKS.values() for check in checks},
        "feature": {each.feature for each in (*VIBRATION, *CURRENT, *CURRENT_GROUP, TEMPERATURE)},
        "problem": {kind.code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code")},
        "reason": {
            word
            for path in (room / "prognosis" / "predict.py", room / "prognosis" / "prognosis.py")
            for word in _constants(path)
            if reasons.fullmatch(word)
        },
    }
    health = [room / "health" / f"{name}.py" for name in ("assess", "baseline/baseline", "detection/zone_trend")]
    emitted["reason"] |= {
        word.partition(":")[0] for path in health for word in _constants(path) if reasons.fullmatch(word)
    }
    pages = room.parent / "api" / "dashboard" / "static"
    emitted["page"] = {
        key
        for path in (*pages.glob("*.js"), *pages.glob("*.html"))
        for key in re.findall(r"[\"`]page\.([a-z-]+)[\"`]", path.read_text(encoding="utf-8"))
    }
    emitted["alert"] = _messages_of_rules(room / "alerts" / "kinds")
    emitted["diagnosis"], _ = _doubts(room / "health" / "diagnosis")
    return emitted


def _messages_of_rules(folder: Path) -> set[str]:
    """Return the default of every `message` field of a rule."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "message":
                found |= {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)} & _nonempty(node)
    return found


def _nonempty(node: ast.AST) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)} - {
        ""
    }


def _doubts(folder: Path) -> tuple[set[str], set[str]]:
    """Return the diagnosis's codes of reasons, and all in its source that looks like a code but is no such reason."""
    codes, hyphened = {"clock-jitter"}, {"check-sampling-clock"}  # of a file whose samples carry their times
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                hyphened |= {node.value} if re.fullmatch(r"[a-z]+(-[a-z]+)+", node.value) else set()
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reason" and node.args:
                codes |= _nonempty(node.args[0])
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "code":
                chosen = (node.value.body, node.value.orelse) if isinstance(node.value, ast.IfExp) else (node.value,)
                codes |= {each for value in chosen for each in _nonempty(value) if isinstance(value, ast.Constant)}
    return codes, hyphened


@pytest.mark.parametrize("section", sorted(keys_in_code()))
def test_every_name_that_code_can_emit_has_words(section: str) -> None:
    emitted = keys_in_code()[section]
    assert emitted, section
    known = set(messages("en"))
    assert {f"{section}.{name}" for name in emitted} - known == set()


def test_every_code_of_a_diagnosis_has_words_and_no_words_are_left_over() -> None:
    codes, hyphened = _doubts(Path(pdm.__file__).parent / "health" / "diagnosis")
    words = {
        key.partition(".")[2] for key in messages("en") if key.partition(".")[0] in ("diagnosis", "remedy", "check")
    }
    assert len(codes) > 30
    assert hyphened <= words
    assert {key for key in messages("en") if key.startswith("diagnosis.")} <= {
        f"diagnosis.{code}" for code in codes | hyphened
    }
    assert {key for key in messages("en") if key.startswith("remedy.")} <= {f"remedy.{code}" for code in hyphened}


def test_no_words_of_the_page_are_left_over() -> None:
    spoken = keys_in_code()["page"] | {"to-help", "amplitude", "envelope", "supported", "weak", "refused"}
    spoken |= {"measured-speed", "estimated-speed"}  # of a code that the API answers
    assert {key for key in messages("en") if key.startswith("page.")} == {f"page.{name}" for name in spoken}


def test_a_language_without_a_catalogue_is_refused_by_name() -> None:
    with pytest.raises(NotFoundError, match="no message catalogue for language 'de'; available: en, ko"):
        messages("de")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("ko", "ko"),
        ("KO-kr", "ko"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "ko"),
        ("en;q=0.5, ko;q=0.6", "ko"),
        ("ko;q=0, en", "en"),
        ("ko;q=0", "en"),
        ("fr, ko;q=0.2", "ko"),
        ("*", "en"),
        ("kok", "en"),
        (";;;,q=1,\x00", "en"),
    ],
)
def test_the_language_is_the_one_preferred(header: str | None, language: str) -> None:
    assert choose_language(header) == language


@given(st.text(max_size=200))
def test_no_header_breaks_the_choice(header: str) -> None:
    assert choose_language(header) in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", list(messages("en")))
def test_every_message_has_a_text_without_its_figures(key: str, language: str) -> None:
    assert say(key, {}, language)
    nulls = {name: None for name, _ in placeholders(messages("en")[key])}
    assert "{" not in say(key, nulls, language)


@pytest.mark.parametrize(
    ("seconds", "english", "korean"),
    [
        (0.0, "under a minute", "1분 미만"),
        (60.0, "60 s", "60초"),
        (119.0, "119 s", "119초"),
        (120.0, "2 min", "2분"),
        (7199.0, "120 min", "120분"),
        (7200.0, "2 h", "2시간"),
        (36 * 3600.0, "36 h", "36시간"),
        (2 * 86400.0, "2 d", "2일"),
        (9.96 * 86400.0, "10 d", "10일"),
        (89 * 86400.0, "89 d", "89일"),
        (120 * 86400.0, "3.9 months", "3.9개월"),
        (3 * 31557600.0, "3 years", "3년"),
        (float("nan"), "unknown", "알 수 없음"),
        (None, "unknown", "알 수 없음"),
    ],
)
def test_a_duration_is_shown_in_the_largest_unit_of_which_it_is_at_least_two(
    seconds: float | None, english: str, korean: str
) -> None:
    assert say_duration(seconds) == english
    assert say_duration(seconds, "ko") == korean


def test_an_alert_reads_well_in_both_languages() -> None:
    parameters = {"health": 0.52, "limit": 0.6, "symptom": "bearing_outer_race"}
    assert say("alert.health-low", parameters) == ("health 52 %, below the limit of 60 %; bearing outer race damage")
    assert say("alert.health-low", parameters, "ko") == "건전도 52 %, 기준값 60 % 미만; 베어링 외륜 결함"


def test_a_doubt_names_its_point_and_what_would_help() -> None:
    figures = {"seconds": 0.5, "rate_hz": 87.21}
    assert say_doubt("rate-unresolved", figures, "de-h", "record-longer") == (
        "de-h: A recording of 0.5 s cannot resolve the fault frequency, 87.21 Hz. Remedy: record longer."
    )
    assert say_doubt("rate-unresolved", figures, "de-h", "record-longer", "ko") == (
        "de-h: 0.5초 측정으로는 이 결함의 주파수 87.21 Hz를 분해할 수 없음. 개선 방법: 측정 시간 연장."
    )


def test_a_rival_is_named_in_the_language() -> None:
    text = say_doubt("rival-near", {"rival": "unbalance", "lead_db": 1.0, "needed": 3.0}, None, None, "ko")
    assert "불평형" in text


def test_what_follows_a_colon_is_the_detail() -> None:
    assert say_any("reason", "absent:de-h", None, "ko") == "측정점 데이터 미수신: de-h"
    assert say_any("reason", None) is None


def test_a_figure_of_another_type_is_shown_unformatted() -> None:
    assert say("diagnosis.flat", {"value": "x"}) == "The signal does not change."
    assert "many" in say("diagnosis.speed-uncertain", {"harmonics": "many"})
