"""Names and tags as plants write them: any script, in one normal form, without control characters."""

from __future__ import annotations

import unicodedata

from pdm.errors import InvalidInputError

LONGEST_NAME = 200
"""Characters of a name."""
LONGEST_TAG = 64
"""Characters of a tag."""
_MACHINE = (
    "allowed: a machine's key, 1-63 characters of a-z, 0-9, '.', '_', '-', or its tag, 1-64 characters of any script"
)
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # control, format, surrogate, and separators of lines


def read_name(text: str, field: str = "name") -> str:
    """Return a display name in the normal form NFC; empty: no name.

    Raises
    ------
    InvalidInputError
        The name is too long, or contains a control character.

    Examples
    --------
    >>> read_name("3호기 송풍기")
    '3호기 송풍기'
    """
    return _read(text, field, LONGEST_NAME)


def read_tag(text: str, field: str = "tag") -> str:
    """Return a tag in the normal form NFC, case kept; empty: no tag.

    Raises
    ------
    InvalidInputError
        The tag is too long, or contains a control character, '/', '?', '#' or '%'.

    Examples
    --------
    >>> read_tag("P-101A")
    'P-101A'
    """
    tag = _read(text, field, LONGEST_TAG)
    if unsafe := [each for each in "/?#%" if each in tag]:
        raise InvalidInputError(
            f"{field} {tag!r} must not contain {unsafe[0]!r}: it is part of an address", field=field
        )
    if tag in (".", ".."):
        raise InvalidInputError(f"{field} {tag!r} is not allowed: it is part of an address", field=field)
    return tag


def read_machine_name(text: str) -> str:
    """Return a machine's key or tag as a record names it.

    Raises
    ------
    InvalidInputError
        The text is empty, or is neither a key nor a tag.
    """
    try:
        name = read_tag(text, "machine")
    except InvalidInputError as error:
        raise InvalidInputError(f"{error.message}; {_MACHINE}", field="machine") from error
    if not name:
        raise InvalidInputError(f"machine {text!r} is empty; {_MACHINE}", field="machine")
    return name


def normal_form(text: str) -> str:
    """Return a name as it is compared: in the normal form NFC, without spaces around it."""
    return unicodedata.normalize("NFC", text).strip()


def _read(text: str, field: str, longest: int) -> str:
    name = normal_form(text)
    if unseen := [each for each in name if unicodedata.category(each) in _UNSEEN]:
        raise InvalidInputError(
            f"{field} {name!r} must not contain control characters; remove {unseen[0]!r}", field=field
        )
    if len(name) > longest:
        raise InvalidInputError(f"{field} must have at most {longest} characters, not {len(name)}", field=field)
    return name
