"""Commands of rules: check, show, deploy, roll back and backtest."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from pdm.cli.terminal import TIMES, AsJson, bars, errors, in_utc, settings_with_dsn, show
from pdm.settings import Settings

rules = typer.Typer(no_args_is_help=True, help="Rules that raise alerts: check, show, deploy, roll back.")
commands = typer.Typer()

RulesFile = Annotated[Path, typer.Argument(help="YAML or JSON file; - reads standard input.", allow_dash=True)]
ScopeName = Annotated[str, typer.Option(help="Scope: all, class, site or machine.")]
Target = Annotated[str, typer.Option(help="Name of the class, site or machine; not used for scope all.")]
Reason = Annotated[str, typer.Option(help="Reason of the change; stored with the rules.")]
From = Annotated[
    datetime | None,
    typer.Option(
        "--from", formats=TIMES, help="Start of the period to replay (UTC); default: 365 days before the end."
    ),
]
To = Annotated[datetime | None, typer.Option("--to", formats=TIMES, help="End of the period (UTC); default: now.")]
Processes = Annotated[int, typer.Option(min=1, max=64, help="Number of processes.")]


@rules.command("check")
def check(file: RulesFile, as_json: AsJson = False) -> None:
    """Check a rule file; report each error with its line and field."""
    from pdm.alerts.documents.writer import write_document
    from pdm.bootstrap import open_service
    from pdm.service.rules.rule_sets import check_text, check_text_alone, list_rule_keys

    settings = Settings.from_environment()
    foreign: list[str] = []
    if settings.dsn:
        with open_service(settings) as pool:
            document = check_text(_read(file), list_rule_keys(pool))
    else:
        document, foreign = check_text_alone(_read(file))
    if foreign:
        errors.print(
            f"not checked, because PDM_DSN is not set: {', '.join(foreign)} in 'off' are no default rules",
            highlight=False,
        )
    keys = ", ".join(rule.key for rule in document.rules)
    text = f"{file}: {len(document.rules)} rules ({keys})" + (f", {len(document.off)} off" if document.off else "")
    show(write_document(document), as_json, text)


@rules.command("show")
def show_rules(
    machine: Annotated[str | None, typer.Option(help="Print the rules in force for this machine.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the rules in force for a machine, or the default rules, as an editable file."""
    import yaml

    from pdm.bootstrap import open_service
    from pdm.service.rules.rule_sets import default_document, rules_of_machine

    if machine is None:
        found = dict(default_document())
    else:
        with open_service(settings_with_dsn()) as pool:
            found = asdict(rules_of_machine(pool, machine))
    show(found, as_json, yaml.safe_dump(found, sort_keys=False, allow_unicode=True).rstrip())


@rules.command("deploy")
def deploy(
    file: RulesFile,
    reason: Reason,
    scope: ScopeName = "all",
    target: Target = "",
    gate: Annotated[bool, typer.Option(help="Reject the rules if their backtest exceeds the limits.")] = False,
    since: From = None,
    before: To = None,
    more_missed: Annotated[int, typer.Option(help="Allowed number of additional missed failures.")] = 0,
    more_false: Annotated[float, typer.Option(help="Allowed increase of false alarms, as a fraction.")] = 0.0,
    lead_loss: Annotated[float, typer.Option(help="Allowed loss of median lead time, as a fraction.")] = 0.1,
    processes: Processes = 2,
    as_json: AsJson = False,
) -> None:
    """Store rules and put them in force; with --gate only if their backtest is within the limits."""
    from pdm.alerts.backtest.acceptance import AcceptanceLimits, GateError
    from pdm.bootstrap import open_service
    from pdm.service.rules.backtest import BacktestRequest, backtest, candidate_of
    from pdm.service.rules.backtest_requests import gate_of
    from pdm.service.rules.rule_sets import check_text, count_changes, deploy, propose

    settings = settings_with_dsn()
    document = check_text(_read(file))
    passed, changes = None, None
    with open_service(settings) as pool:
        if gate:
            changes = count_changes(pool)
            limits = AcceptanceLimits(more_missed, more_false, lead_loss)
            question = BacktestRequest(
                *_span(since, before), candidate_of(document, scope, target), with_suggestions=False
            )
            with bars(as_json) as progress:
                report = backtest(settings.dsn, question, processes=processes, progress=progress)
            objections = report.objections(limits)
            if objections:
                raise GateError("rules not deployed: " + "; ".join(objections), field="gate")
            passed = gate_of(report.document())
        author = getpass.getuser()
        stored = propose(pool, document, scope=scope, target=target, author=author, reason=reason)
        stored = deploy(pool, stored.id, author=author, gate=passed, changes=changes)
    show(asdict(stored), as_json, f"{scope} {target} version {stored.version} is in force: {_diff_text(stored.diff)}")


@rules.command("history")
def history(
    scope: Annotated[str | None, typer.Option(help="Only rules of this scope.")] = None,
    target: Annotated[str | None, typer.Option(help="Only rules of this target.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the versions of rules, newest first."""
    from pdm.bootstrap import open_service
    from pdm.service.rules.rule_sets import list_rule_sets

    with open_service(settings_with_dsn()) as pool:
        rows = list_rule_sets(pool, before=2**62, limit=1000, scope=scope, target=target)
    lines = [
        f"{row.scope} {row.target} v{row.version} {row.status} by {row.author} "
        f"{row.created_at:%Y-%m-%d %H:%M}: {row.reason} ({_diff_text(row.diff)})"
        for row in rows
    ]
    show(
        [asdict(row) for row in rows],
        as_json,
        "\n".join(lines) or "no rules are stored: the default rules are in force",
    )


@rules.command("rollback")
def rollback(
    version: Annotated[int, typer.Argument(min=0, help="Version to restore; 0: no rules of this scope.")],
    reason: Reason,
    scope: ScopeName = "all",
    target: Target = "",
    as_json: AsJson = False,
) -> None:
    """Put an older version of rules in force again."""
    from pdm.bootstrap import open_service
    from pdm.service.rules.rule_sets import roll_back

    with open_service(settings_with_dsn()) as pool:
        stored = roll_back(pool, scope=scope, target=target, version=version, author=getpass.getuser(), reason=reason)
    text = f"version {stored.version} is in force" if stored else "no rules of this scope are in force"
    show(None if stored is None else asdict(stored), as_json, f"{scope} {target}: {text}")


@commands.command("backtest")
def run_backtest(
    file: Annotated[
        Path | None, typer.Option("--rules", help="Rules to evaluate; default: the rules in force.", allow_dash=True)
    ] = None,
    since: From = None,
    before: To = None,
    scope: ScopeName = "all",
    target: Target = "",
    machine: Annotated[list[str] | None, typer.Option(help="Only this machine; repeat the option for several.")] = None,
    credit_horizons: Annotated[
        float,
        typer.Option(help="An alarm is true if it is raised at most this many planning horizons before the failure."),
    ] = 4.0,
    model: Annotated[
        int | None, typer.Option(help="Use the prognoses of this model instead of the stored ones.")
    ] = None,
    suggestions: Annotated[bool, typer.Option(help="Search for better deadbands and delays.")] = True,
    processes: Processes = 2,
    as_json: AsJson = False,
) -> None:
    """Evaluate rules on stored data: alarms, lead time, missed and false alarms, compared with the rules in force."""
    from pdm.service.rules.backtest import BacktestRequest, backtest, candidate_of
    from pdm.service.rules.rule_sets import check_text

    candidate = candidate_of(check_text(_read(file)), scope, target) if file is not None else None
    question = BacktestRequest(
        *_span(since, before),
        candidate,
        tuple(machine) if machine else None,
        credit_horizons=credit_horizons,
        with_suggestions=suggestions,
        model_id=model,
    )
    with bars(as_json) as progress:
        report = backtest(settings_with_dsn().dsn, question, processes=processes, progress=progress)
    show(report.document(), as_json, text_of(report.document()))


def text_of(report: dict[str, Any]) -> str:
    """Return a backtest as text."""
    now, then = report["now"], report["then"]
    lines = [
        f"{then['machines']} machines, {then['machine_days']:.4g} machine-days, {then['acquisitions']} acquisitions",
        f"{'':<30}{'in force':>12}{'these':>12}",
    ]
    for label, name in _FIGURES:
        lines.append(f"{label:<30}{_figure(now[name], name):>12}{_figure(then[name], name):>12}")
    for label, name in (("appears", "appearing"), ("disappears", "disappearing")):
        runs = report["difference"][name]
        lines += [
            f"{label}: {run['machine']} {run['cause']} {run['severity']} "
            f"{run['opened_at']:%Y-%m-%d %H:%M} ({run['rule_key']})"
            for run in runs[:10]
        ]
        if len(runs) > 10:
            lines.append(f"{label}: and {len(runs) - 10} more")
    for each in report["suggestions"]:
        lines.append(
            f"suggested: {each['rule']}: {each['field']} {each['instead']} instead of {each['now']}: "
            f"{_effect(each['effect'])}"
        )
        held_out = _effect(each["held_out"]) if each["held_out"] else "only one history, no cross-validation"
        lines.append(f"  cross-validated: {held_out}")
    return "\n".join(lines)


_FIGURES = (
    ("alarms of machines", "alarms"),
    ("suppressed (not counted)", "suppressed"),
    ("alarms per day", "alarms_a_day"),
    ("true", "true"),
    ("false", "false"),
    ("undecided", "undecided"),
    ("false per machine-month", "false_a_machine_month"),
    ("failures", "failures"),
    ("missed", "missed"),
    ("raised in first half of life", "early"),
    ("lead time, median", "lead_median_s"),
    ("lead time, minimum", "lead_least_s"),
    ("time in flood", "flood_share"),
    ("repeated within a day", "repeats"),
)


def _effect(effect: dict[str, Any]) -> str:
    return (
        f"false {effect['false_before']} to {effect['false_after']}, repeated {effect['repeats_before']} to "
        f"{effect['repeats_after']}, missed {effect['missed_before']} to {effect['missed_after']}, lead time "
        f"{_figure(effect['lead_before_s'], '_s')} to {_figure(effect['lead_after_s'], '_s')}"
    )


def _figure(value: Any, name: str) -> str:
    if value is None:
        return "-"
    if name.endswith("_s"):
        return f"{value / 3600:.3g} h" if value < 4 * 86400 else f"{value / 86400:.3g} d"
    if name.endswith("_share"):
        return f"{value:.2%}"
    return f"{value:.4g}"


def _diff_text(diff: Mapping[str, Any]) -> str:
    return f"{len(diff['added'])} added, {len(diff['removed'])} removed, {len(diff['changed'])} changed"


def _span(since: datetime | None, before: datetime | None) -> tuple[datetime, datetime]:
    end = in_utc(before) or datetime.now(UTC)
    return in_utc(since) or end - timedelta(days=365), end


def _read(file: Path) -> str:
    if str(file) == "-":
        return typer.get_text_stream("stdin").read()
    from pdm.errors import InvalidInputError

    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{file} cannot be read: {error}", field="file") from error
