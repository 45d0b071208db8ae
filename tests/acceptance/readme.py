"""The README's fenced examples: what to write, what to run, and what it says will be seen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A fenced block with a purpose: 'sh run', 'yaml name.yaml', 'python name.py' or 'text shows'."""

    language: str
    purpose: str
    text: str
    line: int

    @property
    def is_run(self) -> bool:
        """Whether it is a program to run."""
        return self.purpose == "run" or self.language == "python"


def read_examples(document: str) -> list[Example]:
    """Return the blocks whose fence says what they are for, in order."""
    found = []
    for match in _FENCE.finditer(document):
        language, _, purpose = match["info"].strip().partition(" ")
        if purpose:
            found.append(Example(language, purpose, match["text"], document.count("\n", 0, match.start()) + 1))
    return found


def missing_lines(shown: str, output: str) -> list[str]:
    """Return the lines that the output lacks, in this order; '...' in a line stands for anything."""
    rest, missing = output, []
    for line in shown.splitlines():
        pattern = ".*?".join(re.escape(part) for part in line.strip().split("..."))
        found = re.search(pattern, rest)
        if found is None:
            missing.append(line)
        else:
            rest = rest[found.end() :]
    return missing
