"""Rules: sets by scope, what holds for a machine, and the backtest."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.dependencies import NAMED_PATTERN, MachineName, Moment, RowId
from api.schemas.pages import Answer, Question, Time

Scope = Literal["all", "class", "site", "machine"]
Target = Annotated[str, Field(pattern=rf"^$|{NAMED_PATTERN}", description="Class, site or machine; '' of scope 'all'.")]
Reason = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*\S[^\x00]*$")]
Document = Annotated[
    dict[str, Any],
    Field(
        description="Rules as docs/rules.md has them: `rules`, each with key, kind and its fields; `off`, keys.",
        examples=[
            {
                "rules": [
                    {
                        "key": "oil-hot",
                        "kind": "threshold",
                        "severity": "warning",
                        "signal": {"quantity": "temperature"},
                        "above": "80 degC",
                        "deadband": "3 K",
                    }
                ]
            }
        ],
    ),
]


class GateQuestion(Question):
    """How much worse than the rules in force a set may do on the past before it is refused."""

    since: Moment = Field(alias="from")
    before: Moment = Field(alias="to")
    more_missed: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    more_false: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    lead_loss: Annotated[float, Field(ge=0, le=1)] = 0.1


class CheckQuestion(Question):
    """A document to check."""

    document: Document


class CheckAnswer(Answer):
    """A document that holds rules, as it would be stored: every field, values in SI units."""

    document: dict[str, Any]


class RuleSetQuestion(Question):
    """Rules for a scope; they hold at once unless `put_in_force` is false."""

    scope: Scope
    target: Target = ""
    document: Document
    reason: Reason
    put_in_force: bool = True
    gate: GateQuestion | None = None


class DeployQuestion(Question):
    """How a stored set is put in force."""

    gate: GateQuestion | None = None


class RollbackQuestion(Question):
    """Which version of a scope's rules holds again; 0 is nothing of its own."""

    scope: Scope
    target: Target = ""
    version: Annotated[int, Field(ge=0, le=2**31 - 1)]
    reason: Reason


class RuleSetSummary(Answer):
    """A version of a scope's rules; `diff` is against the version in force when it was written."""

    id: int
    scope: Scope
    target: str
    version: int
    status: Literal["proposed", "in-force", "retired"]
    author: str
    reason: str
    diff: dict[str, Any]
    gate: dict[str, Any] | None
    created_at: Time
    in_force_at: Time | None
    retired_at: Time | None


class RuleSetAnswer(RuleSetSummary):
    """A version of a scope's rules with its document."""

    document: dict[str, Any]


class RollbackAnswer(Answer):
    """The set in force after a rollback; null where the scope has nothing of its own any more."""

    in_force: RuleSetAnswer | None


class ScopeAnswer(Answer):
    """A scope that a rule set holds for."""

    scope: Scope
    target: str


class MachineRules(Answer):
    """The rules that hold for a machine, and the sets beside the defaults that they come of, widest first.

    `former_rule_version` is what the same rules were called before their version became one of a document: alerts
    that were opened then carry it.
    """

    machine: str
    rule_version: str
    former_rule_version: str
    rules: list[dict[str, Any]]
    of: list[ScopeAnswer]


class BacktestQuestion(Question):
    """Rules to replay over the stored past; without a document those in force."""

    since: Moment = Field(alias="from")
    before: Moment = Field(alias="to")
    document: Document | None = None
    scope: Scope = "all"
    target: Target = ""
    machines: Annotated[list[MachineName], Field(min_length=1, max_length=10_000)] | None = None
    credit_horizons: Annotated[float, Field(gt=0, le=1000)] = 4.0
    suggestions: bool = True
    model_id: Annotated[RowId, Field(description="With this model's prognoses in place of those given.")] | None = None


class CaseRunAnswer(Answer):
    """A case that rules would have opened."""

    machine: str
    cause: str
    component: str | None
    category: Literal["machine", "data", "instrument"]
    rule_key: str
    severity: Literal["advisory", "warning", "critical"]
    opened_at: Time
    ended_at: Time | None
    end_reason: str
    notified_at: Time | None


class WarnedAnswer(Answer):
    """A failure and when it was warned of; null where it was missed."""

    machine: str
    began_at: Time
    failed_at: Time
    warned_at: Time | None


class ScoreAnswer(Answer):
    """What a set of rules was worth; of machines' alarms only, but for `by_category`."""

    machines: int
    machine_days: float
    acquisitions: int
    alarms: int
    by_category: dict[str, int]
    by_rule: dict[str, int]
    true: int
    false: int
    undecided: int
    failures: int
    missed: int
    early: int
    lead_median_s: float | None
    lead_least_s: float | None
    alarms_a_day: float | None
    alarms_a_machine_day: float | None
    false_a_machine_month: float | None
    flood_share: float
    floods: int
    repeats: int
    repeat_share: float | None
    warned: list[WarnedAnswer]
    suppressed: int = Field(0, description="Cases of machines that opened and ended without a notification.")


class DifferenceAnswer(Answer):
    """Cases that only one of the two sets opens."""

    appearing: list[CaseRunAnswer]
    disappearing: list[CaseRunAnswer]


class EffectAnswer(Answer):
    """What a change of a rule did to false and repeated alarms, missed failures and the median lead time."""

    false_before: int
    false_after: int
    repeats_before: int
    repeats_after: int
    missed_before: int
    missed_after: int
    lead_before_s: float | None
    lead_after_s: float | None


class SuggestionAnswer(Answer):
    """A change of one field of one rule; `effect` where it was chosen, `held_out` in lives left out of the choice."""

    rule: str
    field: str
    now: str
    instead: str
    effect: EffectAnswer
    held_out: EffectAnswer | None


class BacktestAnswer(Answer):
    """The rules in force (`now`) and those asked about (`then`) over the same past."""

    since: Time
    before: Time
    now: ScoreAnswer
    then: ScoreAnswer
    difference: DifferenceAnswer
    suggestions: list[SuggestionAnswer]
