"""Digests of definitions: equal documents give equal digests, independent of field names in the code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def digest_document(document: Mapping[str, Any]) -> str:
    """Return the digest of a document of plain values, 16 hexadecimal digits, independent of the order of fields.

    Examples
    --------
    >>> digest_document({"a": 1, "b": [2.5]}) == digest_document({"b": [2.5], "a": 1})
    True
    """
    written = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()[:16]
