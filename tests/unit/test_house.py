"""The structure of the code keeps its limits: see tests/house.py."""

from __future__ import annotations

import ast

import pytest

from tests import house


@pytest.mark.parametrize("name", house.LIMITS)
def test_a_figure_of_the_house_keeps_its_limit(name: str) -> None:
    figure = house.MEASURES[name]()
    shown = "\n".join(str(each) for each in figure.found[:20])
    assert figure.count <= house.LIMITS[name], f"{figure}; among them:\n{shown}"


def test_an_allowed_identifier_has_a_reason_and_is_there() -> None:
    for allowed in house.ALLOWED:
        assert allowed.reason
        assert any(house.uses(allowed)), f"no identifier needs {allowed}"


def test_a_defended_dataclass_is_persisted_or_public_and_is_built_at_one_place() -> None:
    for defended in house.DEFENDED:
        assert defended.kind in ("persisted", "public")
        assert defended.reason
        assert house.stale(defended) == [], defended


@pytest.mark.parametrize(
    ("path", "names", "left"),
    [
        ("^features/", "Features", []),
        ("^features/", "Features NoSuchClass", ["NoSuchClass"]),
        ("^pdm/", "Features", ["Features"]),
        ("^features/", "", []),
        ("^features/nowhere", "", ["^features/nowhere"]),
    ],
)
def test_a_defence_of_what_is_not_there_is_stale(path: str, names: str, left: list[str]) -> None:
    assert house.stale(house.Defended(path, "public", "for the test", names)) == left


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("held_out = is_held = 1", ["is_held"]),
        ("def f(told): return told.said", ["told", "told", "said"]),
        ("class HoldWish: ...", ["HoldWish"]),
        ("f(wish=1)", ["wish"]),
        ("told = 'held'  # said", ["told"]),
        ("f'{told}'", ["told"]),
        ("from a import b as parcels", ["parcels"]),
        ("retold = holds = stand = 1", []),
    ],
)
def test_a_banned_word_is_found_where_an_identifier_is_written(source: str, found: list[str]) -> None:
    assert sorted(each.text for each in house.banned_in(ast.parse(source), "pdm/x.py")) == sorted(found)


def test_words_are_split_at_underscores_and_capitals() -> None:
    assert house.words_of("_ALWAYS_TOLD") == ["always", "told"]
    assert house.words_of("HTTPLetterBox") == ["http", "letter", "box"]
    assert house.words_of("replaySetAside") == ["replay", "set", "aside"]
