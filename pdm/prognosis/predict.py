"""Predict remaining life: by the fleet's model, else by the trend of health, else not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import ModelError
from pdm.health.assessment import Assessment
from pdm.prognosis.model.age_table import tell_by_age
from pdm.prognosis.model.fleet_model import AT_CAP, FleetModel
from pdm.prognosis.model.input_version import READS
from pdm.prognosis.model.life_state import LifeState
from pdm.prognosis.prognosis import BEYOND_TRAINING, DOUBTFUL, NO_SKILL, Prognosis
from pdm.prognosis.statistics.conformal import QUANTILES
from pdm.prognosis.statistics.degradation_trend import HEALTH_LIMIT, LEVEL, detect_decline, predict_passage
from pdm.trends.thinned_series import ThinnedHistory

LEARNING = "learning"
NOTHING_ASSESSED = "machine-off-or-no-data"
NEITHER = "no-model-and-no-trend"
OTHER_INDICATORS = "model-reads-other-indicators"
UNREADABLE = "model-cannot-be-read"
AT_LEAST = "beyond-what-the-model-tells-apart"
_WIDER = 2.0  # times the interval of a doubtful measurement, either way: chosen, not calibrated


@dataclass(frozen=True)
class LifeStep:
    """What prognosis needs of one acquisition of one life."""

    measured_at: datetime
    age_s: float
    columns: NDArray[np.float32]
    history: ThinnedHistory
    assessment: Assessment

    @classmethod
    def of(cls, life: LifeState, columns: NDArray[np.float32], assessment: Assessment) -> LifeStep:
        """Return the step that led to `life`, as `life.advance` gave it."""
        return cls(assessment.measured_at, life.age, columns, life.history, assessment)


def prognose_batch(
    model: FleetModel | None, model_id: int | None, fleet: str, steps: Sequence[LifeStep]
) -> list[Prognosis]:
    """Return one prognosis a step; each is the same however the steps are batched.

    Parameters
    ----------
    model : FleetModel or None
        The champion of the machine's fleet; it answers if it reads the indicators now made. None where the fleet
        has none, or where it cannot be read.
    model_id : int or None
        The champion's id in the registry.
    fleet : str
    steps : sequence of LifeStep
        Of machines of the fleet.

    Returns
    -------
    prognoses : list of Prognosis
        Source 'model', else 'trend', else 'none' with the reason. That of a step with a doubtful measurement has a
        wider interval without a level, and `DOUBTFUL` among its reasons.
    """
    prognoses = _prognose(model, model_id, fleet, steps)
    return [
        _widened(prognosis) if step.assessment.doubtful else prognosis
        for step, prognosis in zip(steps, prognoses, strict=True)
    ]


def _prognose(model: FleetModel | None, model_id: int | None, fleet: str, steps: Sequence[LifeStep]) -> list[Prognosis]:
    refusal = UNREADABLE if model is None and model_id is not None else None
    if model is not None and model.reads != READS:
        model, refusal = None, OTHER_INDICATORS
    if model is None:
        return [_without_figure(step) or _by_trend(step, refusal) for step in steps]
    prognoses = [_without_figure(step) or Prognosis(step.measured_at, "model") for step in steps]
    chosen = [index for index, prognosis in enumerate(prognoses) if prognosis.source == "model"]
    if chosen:
        try:
            target = model.target([np.stack([steps[index].columns for index in chosen])])
        except ModelError:
            return [_without_figure(step) or _by_trend(step, UNREADABLE) for step in steps]
        answers = (*model.answer(target), model.quantiles(target))
        for index, middle, lower, upper, quantiles in zip(chosen, *(a.tolist() for a in answers), strict=True):
            modelled = _by_model(fleet, model, model_id, steps[index], middle, lower, upper)
            prognoses[index] = _with_quantiles(modelled, quantiles, model.cap)
    return prognoses


def _widened(prognosis: Prognosis) -> Prognosis:
    """Return the prognosis of a doubtful measurement: no calibration holds for its interval."""
    if prognosis.source == "none":
        return prognosis
    lower, upper = prognosis.rul_lower, prognosis.rul_upper
    reasons = [*prognosis.evidence.get("reasons", [prognosis.reason] if prognosis.reason else []), DOUBTFUL]
    evidence = {name: value for name, value in prognosis.evidence.items() if name != "quantiles"}
    return replace(
        prognosis,
        rul_lower=None if lower is None else lower / _WIDER,
        rul_upper=None if upper is None else upper * _WIDER,
        level=None,
        reason=prognosis.reason or DOUBTFUL,
        evidence=evidence | {"reasons": reasons},
        doubts=(*prognosis.doubts, DOUBTFUL),
    )


def _without_figure(step: LifeStep) -> Prognosis | None:
    """Return the prognosis of a step about whose machine nothing is known, None where something is."""
    assessment = step.assessment
    if assessment.health is not None:
        return None
    reason = LEARNING if assessment.learning_progress < 1.0 else NOTHING_ASSESSED
    evidence = {"learning_progress": assessment.learning_progress} if reason == LEARNING else {}
    return Prognosis(step.measured_at, "none", reason=reason, evidence=evidence)


def _by_model(
    fleet: str,
    model: FleetModel,
    model_id: int | None,
    step: LifeStep,
    middle: float,
    lower: float,
    upper: float,
) -> Prognosis:
    reasons = []
    is_beyond = step.age_s > model.longest_age
    if is_beyond:
        reasons.append(BEYOND_TRAINING)
    if model.metrics["skill"] <= 0.0:
        reasons.append(NO_SKILL)
    is_at_least = upper != upper
    if is_at_least:
        reasons.append(AT_LEAST)
    evidence: dict[str, Any] = {
        "fleet": fleet,
        "age_s": step.age_s,
        "cap_s": model.cap,
        "training_lives": model.trained_on.get("failed_lives"),
        "validated_coverage": model.metrics.get("coverage"),
        "reasons": reasons,
    }
    by_age = tell_by_age(model.by_age, step.age_s) if is_at_least else None
    if by_age is not None:
        evidence["by_age"] = by_age
    return Prognosis(
        measured_at=step.measured_at,
        source="model",
        rul=middle,
        rul_lower=0.0 if is_beyond else lower,
        rul_upper=None if is_at_least else upper,
        level=None if is_beyond else model.calibration.level,  # no life of that age calibrated it
        model_id=model_id,
        reason=reasons[0] if reasons else None,
        evidence=evidence,
        doubts=tuple(reasons),
    )


def _with_quantiles(prognosis: Prognosis, quantiles: Sequence[float], cap: float) -> Prognosis:
    """Return the prognosis with its quantiles [s] as evidence: None from the first that is a lower bound only."""
    document = {
        f"{at:g}": None if value >= AT_CAP**2 * cap else value for at, value in zip(QUANTILES, quantiles, strict=True)
    }
    return replace(prognosis, evidence={**prognosis.evidence, "quantiles": document})


def _by_trend(step: LifeStep, refusal: str | None) -> Prognosis:
    line = detect_decline(step.history)
    passage = predict_passage(line, step.measured_at.timestamp()) if line is not None else None
    if line is None or passage is None:
        evidence = {"reasons": [refusal or "no-model", "no-significant-decline" if line is None else "too-far-off"]}
        return Prognosis(step.measured_at, "none", reason=refusal or NEITHER, evidence=evidence)
    return Prognosis(
        measured_at=step.measured_at,
        source="trend",
        rul=passage.middle,
        rul_lower=passage.lower,
        rul_upper=passage.upper,
        level=LEVEL,
        reason=refusal or "no-model",
        evidence={
            "health": line.level,
            "decline_per_day": -line.slope * 86400.0,
            "fitted_span_s": line.span_s,
            "p_value": line.p_value,
            "assumes": "the decline goes on in a straight line",
            "health_limit": HEALTH_LIMIT,
        },
    )
