"""`python -m docs.constants` writes docs/develop/constants.md: every constant that decides a result, and its origin.

Names, values and words are those of the code: what a comment or docstring of a constant says is what the page says.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "develop" / "constants.md"
FOLDERS = ("features", "pdm/health", "pdm/prognosis", "pdm/alerts")
_NO_RESULT = re.compile(  # formats, the epoch, statuses, sizes of workspaces
    r".*(FORMAT|MAGIC|VERSION|HEAD|BEGINNING|EPOCH|MICROSECOND|DIGITS|RECIPE|KINDS|COLUMNS?|INDEX|NOTHING|ABSENT|NONE"
    r"|MISSING|EXIT|BLOCK\w*|ROWS_AT_ONCE|MOST_ROWS|PLACES|WORK_ROWS|REFUSALS|REFUSED|CODES)|_GAP"
)
_LONGEST = 60  # characters of a value; a longer one is a table
_FAMILIES = {
    "features": "`python -m benchmarks.features` measures speed; the oracles in `tests/unit` measure accuracy.",
    "pdm.health.diagnosis": "`python -m benchmarks.diagnosis` measures CWRU's recordings and the simulated fleet.",
    "pdm.health": "`python -m benchmarks.state_detection` and `python -m benchmarks.detection` measure false alarms "
    "and lead times.",
    "pdm.prognosis": "`python -m benchmarks.prognosis`, `pdm evaluate cmapss`, `pdm evaluate pronostia` and "
    "`pdm evaluate lives` measure errors and coverage.",
    "pdm.alerts": "`python -m benchmarks.rules` and `pdm backtest` measure what rules do.",
}
_INTRODUCTION = """# Tuned constants
Every constant of the code that decides a result: value and origin. `python -m docs.constants` writes this page from
the code; `tests/unit/test_constants_docs.py` compares them.

**Fitted by a command** are only the figures of the evidence rules of the diagnosis
(`pdm.health.diagnosis.confidence`): offsets, slopes, and what a doubt leaves. `python -m benchmarks.diagnosis --fit
--machines 40` prints them. Least scores and leads are set above what CWRU's sound bearing and simulated machines
without the fault reach.

**Chosen by hand**: "by hand on the simulated fleet" means seeds 1 to 8 of `pdm demo`, looked at while the service was
developed; "on C-MAPSS training engines" means by out-of-fold error of `pdm evaluate cmapss`. The figures of the user
pages come from data that were seen while the service was developed. Where a row names neither a standard, nor a
reference, nor a command, the code records no other origin than the reason beside the value.

The commands of a section measure the effect of a change; they do not fit.
"""


@dataclass(frozen=True)
class Constant:
    """A module constant: where it is, its value as written, and what the code says of it."""

    module: str
    name: str
    value: str
    origin: str

    @property
    def row(self) -> str:
        """The row of the page."""
        return f"| `{self.name}` | {self.value} | {self.origin} |"


def constants() -> list[Constant]:
    """Return the constants with a figure that decide a result, in order of modules and lines."""
    found = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if not re.search(r"catalogue|_layout$|trend_chart", module):
                found += _constants_of(module, path.read_text(encoding="utf-8"))
    return found


def _constants_of(module: str, source: str) -> list[Constant]:
    body = ast.parse(source).body
    tokens = [each for each in tokenize.generate_tokens(io.StringIO(source).readline) if each.type == tokenize.COMMENT]
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens}
    alone = {token.start[0] for token in tokens if token.line.lstrip().startswith("#")}
    found, above, last = [], "", 0
    for node, after in zip_longest(body, body[1:]):
        names = _names(node)
        if not names or not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        first, end = node.lineno, node.end_lineno or node.lineno
        above = _block(first - 1, comments, alone) or (above if first == last + 1 else "")
        last = end
        own = " ".join(comments[line] for line in range(first, end + 1) if line in comments and end - first < 2)
        is_documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        below = str(ast.literal_eval(after.value)) if is_documented and isinstance(after, ast.Expr) else ""
        last = (after.end_lineno or last) if is_documented and after is not None else last
        origin = " ".join(" ".join(part.split()) for part in (own or above, below) if part) or "no reason is recorded"
        if not any(_NO_RESULT.fullmatch(name) for name in names):
            found.append(Constant(module, ", ".join(names), _value(node.value), origin.replace("|", "\\|")))
    return found


def _names(node: ast.stmt) -> list[str]:
    """Return the constants that a statement sets, if a number is in its value."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return []
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    names = [each.id for each in ast.walk(target) if isinstance(each, ast.Name)]
    numbers = [x for x in ast.walk(node.value) if isinstance(x, ast.Constant) and type(x.value) in (int, float)]
    return names if numbers and all(re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name) for name in names) else []


def _block(line: int, comments: dict[int, str], alone: set[int]) -> str:
    """Return the lines of comment that end at a line."""
    lines: list[str] = []
    while line in alone:
        lines.insert(0, comments[line])
        line -= 1
    return " ".join(lines)


def _value(node: ast.expr) -> str:
    written = ast.unparse(node)
    if len(written) <= _LONGEST:
        return "`" + written.replace("|", "\\|") + "`"
    entries = len(node.elts) if isinstance(node, ast.Tuple | ast.List) else 0
    entries = len(node.keys) if isinstance(node, ast.Dict) else entries
    return f"table of {entries}" if entries else f"`{written[: _LONGEST - 3]}...`"


def _family(module: str) -> str:
    return next(name for name in _FAMILIES if module.startswith(name))


def page() -> str:
    """Return the page that the code makes now."""
    lines, module = [_INTRODUCTION], ""
    every = constants()
    for family, commands in _FAMILIES.items():
        lines += [f"## `{family}`", commands, ""]
        for constant in (each for each in every if _family(each.module) == family):
            if constant.module != module:
                module = constant.module
                lines += [f"\n### `{module}`", "| constant | value | what and why |", "|---|---|---|"]
            lines.append(constant.row)
        lines.append("")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}: {len(constants())} constants\n")
