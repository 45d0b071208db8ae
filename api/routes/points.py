"""What one measurement point measured: feature trends, scalars, waveforms and spectra."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query

from api import dependencies as deps
from api import paging
from api.routes.machines import Before, MachineKey, Since
from api.schemas.acquisitions import (
    Acquired,
    FeatureTrend,
    ScalarTrend,
    ScalarValue,
    SpectrumAnswer,
    WaveformAnswer,
)
from api.schemas.corrections import AppliedCorrection
from api.schemas.pages import Page
from pdm.service.machines import measurements, queries, scalars

router = APIRouter(prefix="/v1/machines/{machine}", tags=["measurements"])

PointKey = Annotated[str, Depends(deps.read_point_key)]
MeasuredAt = Annotated[deps.Moment, Path(description="When the acquisition was measured.")]
Resolution = Annotated[
    float | None, Query(ge=0.001, le=3.2e9, allow_inf_nan=False, description="Length of a step [s].")
]
Hertz = Annotated[float | None, Query(ge=0, le=1e7, allow_inf_nan=False)]


@router.get("/features/{point}", response_model=FeatureTrend)
def read_features(
    machine: MachineKey,
    point: PointKey,
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    names: Annotated[str, Query(max_length=2000, description="Features, separated by commas.")] = "",
    since: Since = None,
    before: Before = None,
    resolution_s: Resolution = None,
) -> dict[str, Any]:
    """Read minimum, mean and maximum of features in equal steps of time; the last 30 days if no range is given."""
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    course = measurements.read_features(
        resources.pool, caller, machine, point, names=chosen, since=since, before=before, resolution=resolution_s
    )
    return {**vars(course), "from": course.since, "to": course.before}


@router.get("/scalars/{point}", response_model=ScalarTrend)
def read_scalars(
    machine: MachineKey,
    point: PointKey,
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    since: Since = None,
    before: Before = None,
    resolution_s: Resolution = None,
) -> dict[str, Any]:
    """Read minimum, mean and maximum of a point's scalars in equal steps of time; by default the last 30 days."""
    course = scalars.read_scalars(
        resources.pool, caller, machine, point, since=since, before=before, resolution=resolution_s
    )
    return {
        **vars(course),
        "from": course.since,
        "to": course.before,
        "starts": [step.start for step in course.steps],
        "counts": [step.count for step in course.steps],
        "values": {name: [getattr(step, name) for step in course.steps] for name in ("minimum", "mean", "maximum")},
    }


@router.get("/scalars/{point}/values", response_model=Page[ScalarValue])
def list_scalars(
    machine: MachineKey,
    point: PointKey,
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    since: Since = None,
    before: Before = None,
    limit: deps.Limit = 500,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List the values that a point reported, newest first."""
    (until,) = paging.decode(cursor, (before or paging.END_OF_TIME,))
    rows = scalars.list_scalars(
        resources.pool, caller, machine, point, since=since or paging.START_OF_TIME, before=until, limit=limit + 1
    )
    return paging.page(rows, limit, "measured_at")


@router.get("/acquisitions", response_model=Page[Acquired])
def list_acquisitions(
    machine: MachineKey,
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    since: Since = None,
    before: Before = None,
    limit: deps.Limit = 100,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List when and how a machine was measured, newest first."""
    (until,) = paging.decode(cursor, (before or paging.END_OF_TIME,))
    rows = queries.list_acquisitions(
        resources.pool, caller, machine, since=since or paging.START_OF_TIME, before=until, limit=limit + 1
    )
    return paging.page(rows, limit, "measured_at")


@router.get("/acquisitions/{measured_at}/waveforms/{point}")
def read_waveform(
    machine: MachineKey, measured_at: MeasuredAt, point: PointKey, resources: deps.ResourcesDep, caller: deps.Reader
) -> WaveformAnswer:
    """Read one channel's samples in SI units."""
    found = measurements.read_waveform(resources.pool, caller, machine, measured_at, point)
    return WaveformAnswer(
        machine=machine,
        point=point,
        measured_at=measured_at,
        quantity=found.quantity,
        unit=found.unit,
        sampling_rate_hz=found.sampling_rate,
        samples=found.samples.tolist(),
        corrections=[AppliedCorrection.model_validate(each) for each in found.corrections],
    )


@router.get("/acquisitions/{measured_at}/spectrum/{point}")
def read_spectrum(
    machine: MachineKey,
    measured_at: MeasuredAt,
    point: PointKey,
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    kind: Literal["amplitude", "envelope"] = "amplitude",
    band_from_hz: Hertz = None,
    band_to_hz: Hertz = None,
) -> SpectrumAnswer:
    """Read one channel's amplitude spectrum, of the signal or of its squared envelope in a band.

    The band of the envelope is 1/4 to 3/4 of half the sampling rate by default, as for the features.
    """
    found = measurements.read_waveform(resources.pool, caller, machine, measured_at, point)
    spectrum = measurements.compute_spectrum(found, kind, (band_from_hz, band_to_hz))
    return SpectrumAnswer(
        machine=machine,
        point=point,
        measured_at=measured_at,
        kind=kind,
        spectrum_of=spectrum.of,
        quantity=found.quantity,
        unit=spectrum.unit,
        resolution_hz=spectrum.resolution,
        amplitudes=spectrum.amplitudes.tolist(),
        corrections=[AppliedCorrection.model_validate(each) for each in found.corrections],
    )
