from __future__ import annotations

import pytest
from pydantic import ValidationError

from api.schemas.alerts import Shelving
from api.schemas.machines import WhatIfQuestion
from api.schemas.models import TrainQuestion
from api.schemas.pages import Question
from api.schemas.rules import GateQuestion


@pytest.mark.parametrize(
    ("question", "field", "value"),
    [
        (TrainQuestion, "seed", "1"),
        (TrainQuestion, "seed", True),
        (GateQuestion, "lead_loss", "0.1"),
        (Shelving, "once", "yes"),
        (Shelving, "once", 1),
        (WhatIfQuestion, "load", "0.5"),
        (WhatIfQuestion, "load", True),
    ],
)
def test_a_value_of_another_kind_than_the_schema_says_is_refused(
    question: type[Question], field: str, value: object
) -> None:
    with pytest.raises(ValidationError) as refused:
        question.model_validate({field: value})
    assert (field,) in [tuple(each["loc"]) for each in refused.value.errors()]


def test_a_whole_number_may_be_written_with_a_fraction_of_nought() -> None:
    assert TrainQuestion.model_validate({"fleet": "presses", "seed": 2.0}).seed == 2


def test_what_may_be_left_out_may_be_null() -> None:
    assert WhatIfQuestion.model_validate({"load": None, "speed_hz": 20}).speed_hz == 20
