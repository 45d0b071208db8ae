"""Measure the structure of the code: `python -m tests.house` prints the figures, `-v` lists what they count.

files        Python files that lie in one folder of a package, without its sub-folders (the fullest folder of each root)
identifiers  names in the syntax tree with a word of `BANNED`, but those of `ALLOWED`
rows         uses of `Row` and of `dict[str, Any]` in pdm/service: answers that the type checker does not see into
dataclasses  those that one place alone builds (calls by the class's name; the class methods that build it count as
             one place), but those of `DEFENDED`
constants    module constants with a figure in pdm/health, pdm/prognosis, pdm/alerts and features that carry neither
             comment nor docstring
classes      names that two or more classes have

tests/unit/test_house.py holds the first four to `LIMITS`.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOTS = ("pdm", "features", "api")
LIMITS: Mapping[str, int] = {"files": 24, "identifiers": 0, "rows": 40, "dataclasses": 60}

# words that have a standard term; DESIGN: one term for one thing, and the field's where there is one
BANNED = frozenset(
    "told said held stands wish wishes letter letters parcel parcels aside anew".split()  # noqa: SIM905 - one a word
)


@dataclass(frozen=True)
class Allowed:
    """Identifiers (a regular expression over the whole name) that keep a banned word, where, and why."""

    name: str
    reason: str
    path: str = ""  # a regular expression searched in the path; empty: everywhere


ALLOWED = (
    Allowed("_?(held_out|HELD_OUT|held_out_text|replay_held_out)", "held out (of training) is the field's term"),
    Allowed(r"\w*(set_aside|SET_ASIDE|SetAside)\w*", "the public noun: /v1/set-aside, metric, columns, queries"),
    Allowed(r"\w*dead_letters?\w*|DeadLetter", "the field's term and the public noun: /v1/dead-letters"),
    Allowed("letter_id", "a path parameter of the API", "^api/routes/"),
    Allowed("letters", "a JSON field of the answer and of the audit log", "^api/schemas/|^pdm/service/.*subscri"),
    Allowed("told", "a key of the JSON report of `pdm evaluate`", "^pdm/replay/evaluate_pronostia"),
)


@dataclass(frozen=True)
class Defended:
    """Dataclasses that stay although one place alone builds them: where, why, and which; without names all there.

    `kind` is "persisted" (a row, or part of a stored document) or "public" (an answer or argument of the API or the
    CLI, a value of the public functions of the core that tests, benchmarks or docs use).
    """

    path: str  # a regular expression searched in the path
    kind: str
    reason: str
    names: str = ""  # separated by blanks

    def covers(self, path: str, name: str) -> bool:
        """Whether the entry is about a class."""
        return bool(re.search(self.path, path)) and (not self.names or name in self.names.split())


DEFENDED = (
    # persisted
    Defended(
        "^pdm/store/(acquisitions|alerts|analysis|delivery|machines)/",
        "persisted",
        "a row that a query returns or a write takes, or what a query is filtered by",
    ),
    Defended("^pdm/measurements.py", "persisted", "a row of `receipt`, answered by POST /v1/acquisitions", "Receipt"),
    Defended(
        "^pdm/alerts/kinds/",
        "persisted",
        "a condition of a rule document",
        "FaultDiagnosed ForecastCrossing RateOfChange SymptomNamed Schedule",
    ),
    Defended(
        "^pdm/alerts/kinds/history.py",
        "persisted",
        "the rows of a machine's past, as columns",
        "Conclusions MeasuredColumn PastHold MachineHistory",
    ),
    Defended(
        "^pdm/alerts/kinds/rule_input.py",
        "persisted",
        "what rules read of a stored diagnosis",
        "DiagnosedFault DiagnosisNote",
    ),
    Defended("^pdm/alerts/lifecycle/", "persisted", "a row of fetch_places", "Place"),
    Defended(
        "^pdm/alerts/case/outcome_labels.py",
        "persisted",
        "a case with its stored feedback and work",
        "CaseLabel LinkedWorkEvent",
    ),
    Defended(
        "^pdm/alerts/backtest/",
        "persisted",
        "part of the report that a backtest stores",
        "Score Warned CaseRun Difference ChangeEffect Suggestion",
    ),
    Defended("^pdm/service/rules/backtest.py", "persisted", "the report that a backtest stores", "Report"),
    Defended("^pdm/health/assessment.py", "persisted", "read back from an assessment's evidence", "ZoneTrend"),
    Defended("^pdm/notify/message.py", "persisted", "a row of `subscription`", "Receiver"),
    Defended("^pdm/service/prognosis/retraining_policy.py", "persisted", "a row of fetch_fleets_to_watch", "_Watched"),
    # public: answers and arguments of the API and the CLI
    Defended("^pdm/service/.*_views.py", "public", "the answer of a GET of cases or machines"),
    Defended(
        "^pdm/service/machines/plant_health.py", "public", "the answer of GET /v1/sites/{site}/health and of its lines"
    ),
    Defended(
        "^pdm/service/machines/(measurements|absence_reasons).py",
        "public",
        "the answer of GET .../features, and the channel that GET .../waveforms and .../spectrum give",
    ),
    Defended("^pdm/service/rules/rule_sets.py", "public", "the answer of GET /v1/machines/{machine}/rules"),
    Defended(
        "^pdm/service/diagnosis/requests.py",
        "public",
        "the answer of POST /v1/machines/{machine}/diagnosis",
        "DiagnosisRequest",
    ),
    Defended("^pdm/service/delivery/subscriptions.py", "public", "body or answer of POST /v1/subscriptions"),
    Defended("^pdm/service/alerting/holds.py", "public", "the body of POST /v1/holds", "WindowRequest"),
    Defended("^pdm/service/platform/access.py", "public", "the answer of POST /v1/keys", "NewKey"),
    Defended("^pdm/service/machines/renaming.py", "public", "the body of POST .../rename", "NewName"),
    Defended(
        "^pdm/service/prognosis/(registry|training|what_if).py",
        "public",
        "the answer of GET /v1/models/{model_id} and of .../what-if, and what `pdm train` reports",
        "ModelHistory TrainingReport WhatIf",
    ),
    Defended("^pdm/service/analysis/backfill.py", "public", "what `pdm backfill` reports", "BackfillReport Uncomputed"),
    Defended("^pdm/alerts/kpi/figures.py", "public", "part of the answer of GET /v1/alerts/kpi"),
    Defended(
        "^pdm/replay/",
        "public",
        "what `pdm demo`, `pdm evaluate` and `pdm diagnose` report",
        "MachineVerdict DemoReport FileDiagnosis BearingEstimate",
    ),
    # public: arguments and results of the core's functions
    Defended(
        "^pdm/alerts/case/(advice|delay_cost).py",
        "public",
        "result of advise, recommend_checks, likely_parts, cost_of_waiting",
    ),
    Defended(
        "^pdm/alerts/case/(similarity|trend_chart).py",
        "public",
        "result of find_like, argument of draw",
        "Like Picture",
    ),
    Defended("^pdm/alerts/backtest/", "public", "argument or result of score and try_lives", "Past Judged Trial"),
    Defended(
        "^pdm/health/",
        "public",
        "result of diagnose, roll_up, name_symptom; argument of assess",
        "Diagnosis RollUp Symptom Snapshot",
    ),
    Defended("^pdm/notify/pacing.py", "public", "argument of decide", "Backlog"),
    Defended(
        "^pdm/ingest/(cmapss|recording_files).py", "public", "result of the reader of a file format", "Engine ReadFile"
    ),
    Defended(
        "^pdm/prognosis/(explanation|what_if).py", "public", "argument or result of explain, find_alike and tell_effect"
    ),
    Defended("^pdm/prognosis/predict.py", "public", "argument of prognose_batch", "LifeStep"),
    Defended(
        "^pdm/prognosis/statistics/", "public", "result of fit_weibull, predict_by_age, detect_decline, predict_passage"
    ),
    Defended(
        "^pdm/prognosis/evaluation/",
        "public",
        "argument or result of the evaluation of a fleet",
        "AlertRule LiveCoverage",
    ),
    Defended("^pdm/twin/", "public", "the simulator's machines, their lives and physics"),
    Defended(
        "^features/",
        "public",
        "result of the package's functions",
        "FeatureDefinition Kurtogram Features RankedFault",
    ),
)


@dataclass(frozen=True)
class Finding:
    """What is counted, and where."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Figure:
    """A figure: how many, of how many, and each of them."""

    name: str
    count: int
    total: int | None = None
    found: tuple[Finding, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        of = f" of {self.total}" if self.total is not None else ""
        limit = f"   (at most {LIMITS[self.name]})" if self.name in LIMITS else ""
        return f"{self.name:12s} {self.count}{of}{limit}"


@cache
def trees() -> Mapping[str, ast.Module]:
    """Return the syntax tree of each module of the packages by its path."""
    paths = [path for root in ROOTS for path in sorted((ROOT / root).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in paths}


def measure_files() -> Figure:
    """Count the modules of the fullest folder."""
    counts = Counter(str(Path(path).parent) for path in trees())
    fullest = {root: max((n, name) for name, n in counts.items() if name.split("/")[0] == root) for root in ROOTS}
    found = tuple(Finding(name, 0, f"{count} files") for count, name in fullest.values())
    return Figure("files", max(counts.values()), found=found)


def words_of(name: str) -> list[str]:
    """Return the words of an identifier, split at underscores and capitals.

    >>> words_of("_parseHeldDocument2")
    ['parse', 'held', 'document2']
    """
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])", name)]


def identifiers_of(node: ast.AST) -> list[str]:
    """Return the identifiers that a node of the syntax tree itself writes."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.keyword(arg=str(name)) | ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            return [name]
        case ast.alias():
            return [node.asname or node.name]
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return list(names)
    return []


def _banned(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        for name in identifiers_of(node):
            if BANNED & set(words_of(name)):
                yield getattr(node, "lineno", 0), name


def _allows(allowed: Allowed, name: str, path: str) -> bool:
    return bool(re.fullmatch(allowed.name, name) and re.search(allowed.path, path))


def uses(allowed: Allowed) -> Iterator[Finding]:
    """Yield the identifiers that an entry of the table allows."""
    for path, tree in trees().items():
        yield from (Finding(path, line, name) for line, name in _banned(tree) if _allows(allowed, name, path))


def banned_in(tree: ast.Module, path: str) -> list[Finding]:
    """Return the identifiers of a module that have a banned word and are not allowed."""
    found = [(line, name) for line, name in _banned(tree) if not any(_allows(each, name, path) for each in ALLOWED)]
    return [Finding(path, line, name) for line, name in found]


def measure_identifiers() -> Figure:
    """Count the identifiers with a banned word."""
    found = tuple(each for path, tree in trees().items() for each in banned_in(tree, path))
    return Figure("identifiers", len(found), found=found)


def measure_rows() -> Figure:
    """Count the uses of a row without a type in the service."""
    found = [
        Finding(path, node.lineno, ast.unparse(node))
        for path, tree in trees().items()
        if path.startswith("pdm/service/")
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id == "Row")
        or (isinstance(node, ast.Subscript) and ast.unparse(node) == "dict[str, Any]")
    ]
    return Figure("rows", len(found), found=tuple(found))


def _classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                yield path, node


def _is_dataclass(node: ast.ClassDef) -> bool:
    names = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
    return any(ast.unparse(name).split(".")[-1] == "dataclass" for name in names)


def _module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imports(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """Return what the names of a module mean that it imports: module and name there."""
    return {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and not node.level
        for alias in node.names
    }


def _builds_itself(node: ast.ClassDef) -> bool:
    """Whether class methods build the class: by `cls(...)` or by its name."""
    return any(
        isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("cls", node.name)
        for method in node.body
        if isinstance(method, ast.FunctionDef) and any(ast.unparse(d) == "classmethod" for d in method.decorator_list)
        for call in ast.walk(method)
    )


def _sites() -> Mapping[tuple[str, str], list[Finding]]:
    """Return where each class is called: by module and name, or by ("", name) where an attribute is called."""
    sites: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for path, tree in trees().items():
        imports = _imports(tree)
        inside = {
            call
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            for method in node.body
            if isinstance(method, ast.FunctionDef)
            and any(ast.unparse(d) == "classmethod" for d in method.decorator_list)
            for call in ast.walk(method)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == node.name
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or node in inside:
                continue
            if isinstance(node.func, ast.Name):
                key = imports.get(node.func.id, (_module_of(path), node.func.id))
            elif isinstance(node.func, ast.Attribute):
                key = ("", node.func.attr)
            else:
                continue
            sites[key].append(Finding(path, node.lineno, key[1]))
    return sites


@cache
def built_once() -> tuple[Sequence[Finding], int]:
    """Return the dataclasses that one place alone builds, and how many dataclasses there are."""
    every = [(path, node) for path, node in _classes() if _is_dataclass(node)]
    names = Counter(node.name for _, node in every)
    sites = _sites()
    by_name: dict[str, int] = Counter(key[1] for key, found in sites.items() for _ in found)
    single = []
    for path, node in every:
        called = len(sites.get((_module_of(path), node.name), ())) + len(sites.get(("", node.name), ()))
        if names[node.name] == 1:  # also by a name that a package re-exports
            called = by_name.get(node.name, 0)
        if called + _builds_itself(node) == 1:
            single.append(Finding(path, node.lineno, node.name))
    return single, len(every)


def measure_dataclasses() -> Figure:
    """Count the dataclasses that one place alone builds and that nothing defends."""
    single, total = built_once()
    found = [each for each in single if not any(defended.covers(each.path, each.text) for defended in DEFENDED)]
    return Figure("dataclasses", len(found), total, tuple(found))


def stale(defended: Defended) -> list[str]:
    """Return what an entry of `DEFENDED` names and that needs no defence: the classes, or else its path."""
    covered = {each.text for each in built_once()[0] if defended.covers(each.path, each.text)}
    return sorted(set(defended.names.split() or [defended.path]) - covered) if defended.names or not covered else []


def _comments(source: str) -> tuple[set[int], set[int]]:
    """Return the lines with a comment, and those of them that are nothing but a comment."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    found = [token for token in tokens if token.type == tokenize.COMMENT]
    return {each.start[0] for each in found}, {each.start[0] for each in found if each.line.lstrip().startswith("#")}


def _constant_names(node: ast.stmt) -> list[str]:
    """Return the names of the constants with a figure that a statement of a module sets."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return []
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    names = [each.id for each in ast.walk(target) if isinstance(each, ast.Name)]
    figures = [
        each for each in ast.walk(node.value) if isinstance(each, ast.Constant) and type(each.value) in (int, float)
    ]
    return names if figures and all(re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name) for name in names) else []


def measure_constants() -> Figure:
    """Count the module constants with no word on where their value comes from.

    A comment on one of its lines counts, a comment above it or above the lines of constants that it belongs to, and a
    docstring below it.
    """
    found, total = [], 0
    for path, tree in trees().items():
        if not path.startswith(("pdm/health/", "pdm/prognosis/", "pdm/alerts/", "features/")):
            continue
        commented, alone = _comments((ROOT / path).read_text())
        is_above, last = False, 0
        for node, after in zip_longest(tree.body, tree.body[1:]):
            if not (names := _constant_names(node)):
                continue
            total += 1
            is_above = node.lineno - 1 in alone or (is_above and node.lineno == last + 1)
            last = node.end_lineno or node.lineno
            is_own = any(line in commented for line in range(node.lineno, last + 1))
            is_doc = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if not (is_own or is_above or is_doc):
                found.append(Finding(path, node.lineno, ", ".join(names)))
    return Figure("constants", len(found), total, tuple(found))


def measure_classes() -> Figure:
    """Count the names that several classes have."""
    places: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for path, node in _classes():
        places[node.name].append((path, node.lineno))
    found = [
        Finding(*at[0], f"{name} also {', '.join(f'{p}:{n}' for p, n in at[1:])}")
        for name, at in places.items()
        if at[1:]
    ]
    return Figure("classes", len(found), len(places), tuple(found))


MEASURES = {
    "files": measure_files,
    "identifiers": measure_identifiers,
    "rows": measure_rows,
    "dataclasses": measure_dataclasses,
    "constants": measure_constants,
    "classes": measure_classes,
}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.house", description="Measure the structure of the code.")
    parser.add_argument("-v", "--verbose", action="store_true", help="list what is counted")
    parser.add_argument("names", nargs="*", metavar="FIGURE", help=f"one of {', '.join(MEASURES)}; all by default")
    given = parser.parse_args()
    for name in given.names or MEASURES:
        figure = MEASURES[name]()
        print(figure)
        if given.verbose or name == "files":
            print(*(f"  {each}" for each in figure.found), sep="\n")
    if given.verbose:
        print("allowed:", *(f"  {each.name}: {each.reason}" for each in ALLOWED), sep="\n")
        print("defended:", *(f"  {d.path} {d.names or 'all'}: {d.kind}, {d.reason}" for d in DEFENDED), sep="\n")


if __name__ == "__main__":
    main()
