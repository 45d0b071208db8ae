"""A fleet's remaining-life model learned from scalars: members of grouped folds, each with its own channels."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from pdm.errors import ModelError
from pdm.prognosis.calibration import Calibration, as_tuple
from pdm.prognosis.channels import Channels
from pdm.prognosis.memory import Memory
from pdm.prognosis.model import AT_CAP, to_seconds

FORMAT = "fleet-1"

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Member:
    """The model of one fold: how it makes channels, and its trees as LightGBM's text."""

    channels: Channels
    columns: tuple[str, ...]
    trees: str

    @cached_property
    def booster(self) -> lightgbm.Booster:
        """The trees, read once."""
        return lightgbm.Booster(model_str=self.trees)

    def target(self, columns: NDArray[np.float32]) -> Vector:
        """Return the predicted target of rows of columns, 0 to 1, shape (n,)."""
        target: Vector = np.clip(self.booster.predict(columns, num_threads=1), 0.0, 1.0)
        return target


@dataclass(frozen=True)
class FleetModel:
    """What was learned of a fleet; all times in the fleet's own unit of life time (cycles, seconds, hours).

    Remaining life beyond `cap` is only said to be at least that.
    """

    sensors: tuple[str, ...]
    cap: float
    interval: float
    longest_age: float
    members: tuple[Member, ...]
    calibration: Calibration
    metrics: dict[str, Any]
    trained_on: dict[str, Any]

    def predict(self, life_time: Vector, settings: Vector, values: Vector) -> tuple[Vector, Vector, Vector]:
        """Return remaining life after each record of a life, and the ends of its interval, each (n,).

        Every answer depends on that record and those before it, on nothing later. The upper end is NaN for
        "at least the lower end".

        Parameters
        ----------
        life_time : ndarray, shape (n,)
            Never falling, from the life's first record on [the fleet's unit].
        settings : ndarray, shape (n, S)
        values : ndarray, shape (n, sensors)

        Raises
        ------
        InvalidInputError
            The shapes are not those the model was trained on.
        SignalError
            Time goes back or is not finite, or a value is no measurement.
        """
        target = np.mean([self._member_target(member, life_time, settings, values) for member in self.members], axis=0)
        lower, upper = self.calibration.interval(target)
        return (
            to_seconds(target, self.cap),
            to_seconds(lower, self.cap),
            np.where(upper >= AT_CAP, np.nan, to_seconds(upper, self.cap)),
        )

    def _member_target(self, member: Member, life_time: Vector, settings: Vector, values: Vector) -> Vector:
        memory = Memory(member.channels.names, self.interval)
        return member.target(memory.of(life_time, member.channels.of(settings, values)))

    def to_bytes(self) -> bytes:
        """Return the model as JSON, the same for the same model."""
        body = {
            "format": FORMAT,
            "sensors": self.sensors,
            "cap": self.cap,
            "interval": self.interval,
            "longest_age": self.longest_age,
            "members": [
                {"channels": m.channels.to_document(), "columns": m.columns, "trees": m.trees} for m in self.members
            ],
            "calibration": asdict(self.calibration),
            "metrics": self.metrics,
            "trained_on": self.trained_on,
        }
        return json.dumps(body, sort_keys=True, allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, body: bytes, *, sha256: bytes) -> FleetModel:
        """Read a model that was written by `to_bytes`, after its checksum has been verified.

        Raises
        ------
        ModelError
            The checksum is not that of the bytes, or they are not such a model.
        """
        if hashlib.sha256(body).digest() != bytes(sha256):
            raise ModelError("the model's bytes do not have the checksum it was registered with")
        try:
            fields = json.loads(body)
            if fields.pop("format") != FORMAT:
                raise ModelError("the model is of another format")
            calibration = fields.pop("calibration")
            for name in ("centres", "below", "above"):
                calibration[name] = as_tuple(calibration[name])
            members = tuple(
                Member(Channels.from_document(m["channels"]), tuple(m["columns"]), m["trees"])
                for m in fields.pop("members")
            )
            fields["sensors"] = tuple(fields["sensors"])
            model = cls(members=members, calibration=Calibration(**calibration), **fields)
            widths = [member.booster.num_feature() for member in members]
        except (ValueError, TypeError, KeyError, AttributeError, lightgbm.basic.LightGBMError) as error:
            raise ModelError(f"these bytes are not a fleet's model: {error}") from error
        if not members or widths != [len(member.columns) for member in members]:
            raise ModelError("the model's trees do not fit its columns")
        if any(member.columns != Memory(member.channels.names, 1.0).columns for member in members):
            raise ModelError("the model reads other columns over life than this version makes")
        return model
