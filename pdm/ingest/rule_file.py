"""Rules in YAML or JSON: plain data, and the line of each place in it."""

from __future__ import annotations

from typing import Any

import yaml

from pdm.alerts.documents.parser import DocumentProblem, InvalidRulesError, Place

MOST_BYTES = 1024 * 1024
_DEEPEST = 20


class RuleText:
    """A document as text: its `content`, and the line of each part."""

    def __init__(self, content: Any, lines: dict[Place, int]) -> None:
        self.content = content
        self._lines = lines

    def line_of(self, place: Place) -> int | None:
        """Return the line of a place, or of the nearest enclosing place."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place)


def read_rule_text(text: str) -> RuleText:
    """Read YAML, which includes JSON; aliases are rejected because a small text could expand to a huge document.

    Raises
    ------
    InvalidRulesError
        The text is not valid YAML, is too long or nested too deeply, uses an alias or has a duplicate key.
    """
    if len(text.encode()) > MOST_BYTES:
        raise _refused(None, f"is longer than {MOST_BYTES // 1024} KiB")
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise _refused(event.start_mark.line + 1 if event.start_mark else None, "is nested too deeply")
            if isinstance(event, yaml.AliasEvent):
                raise _refused(
                    event.start_mark.line + 1 if event.start_mark else None,
                    "YAML aliases are not allowed: repeat the value",
                )
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            lines: dict[Place, int] = {}
            content = None if node is None else _read(loader, node, (), lines)
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or str(error)
        raise _refused(mark.line + 1 if mark else None, f"is not valid YAML: {why}") from error
    return RuleText(content, lines)


def _read(loader: yaml.SafeLoader, node: yaml.Node, place: Place, lines: dict[Place, int]) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(place, line)
    if len(place) > _DEEPEST:
        raise _refused(line, "is nested too deeply")
    if isinstance(node, yaml.SequenceNode):
        return [_read(loader, item, (*place, index), lines) for index, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node, deep=True)
    read: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        key_line = key_node.start_mark.line + 1
        name = "true" if key is True else "false" if key is False else str(key)
        name = {"true": "on", "false": "off"}.get(name, name)  # YAML 1.1 reads `off:` as a Boolean
        if name in read:
            raise _refused(key_line, f"{name!r} is given twice")
        lines[(*place, name)] = key_line
        read[name] = _read(loader, value_node, (*place, name), lines)
    return read


def _refused(line: int | None, why: str) -> InvalidRulesError:
    return InvalidRulesError.of([DocumentProblem("document", why, line)])
