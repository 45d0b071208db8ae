"""What is wrong with a machine: the newest diagnosis, and asking for a fresh one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from api import dependencies as deps
from api.routes.machines import MachineKey
from api.schemas.diagnosis import DiagnosisAnswer, DiagnosisQuestion, DiagnosisRequested
from pdm.service.diagnosis import requests
from pdm.service.diagnosis.requests import DiagnosisRequest
from pdm.words.catalogue import choose_language

router = APIRouter(prefix="/v1/machines/{machine}/diagnosis", tags=["machines"])

Language = Annotated[str | None, Header(description="Of the words: en or ko.", max_length=200)]
At = Annotated[deps.Moment | None, Query(description="From acquisitions measured up to this time.")]


@router.get("", response_model=DiagnosisAnswer)
def read_diagnosis(
    machine: MachineKey,
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    at: At = None,
    accept_language: Language = None,
) -> Mapping[str, Any]:
    """Read the newest diagnosis with its lines, reasons and the acquisitions behind it, in words too."""
    return requests.read_diagnosis(resources.pool, caller, machine, at, choose_language(accept_language))


@router.post("", status_code=202, response_model=DiagnosisRequested)
def request_diagnosis(
    machine: MachineKey,
    response: Response,
    resources: deps.ResourcesDep,
    caller: deps.Operator,
    question: DiagnosisQuestion | None = None,
) -> DiagnosisRequest:
    """Ask for a fresh diagnosis; a worker computes it, and Location says where it will be."""
    wanted = question or DiagnosisQuestion()
    response.headers["Location"] = f"/v1/machines/{machine}/diagnosis"
    return requests.request_diagnosis(resources.pool, caller, machine, wanted.at, wanted.records)
