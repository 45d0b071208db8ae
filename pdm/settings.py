"""Settings, read once from the environment; immutable."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from pdm.errors import ConfigurationError

_KINDS: dict[str, Callable[[str], object]] = {"str": str, "int": int, "float": float}


@dataclass(frozen=True)
class Settings:
    """Settings of the service; the environment variable of `field` is `PDM_FIELD`.

    Attributes
    ----------
    dsn : str
        libpq connection string of the TimescaleDB database.
    host, port : str, int
        Address and port on which the API listens.
    max_body_bytes : int
        Largest request body [bytes].
    body_deadline_s : float
        Longest time for the receipt of a body [s].
    pool_size : int
        Database connections of one process.
    batch_acquisitions : int
        Most acquisitions a worker analyses in one transaction.
    poll_interval_s : float
        Polling interval of an idle worker [s].
    reorder_horizon_s : float
        How late an acquisition may arrive and still be replayed into the state [s].
    future_tolerance_s : float
        Largest allowed lead of measured_at over the server's clock [s].
    waveform_retention_days, feature_retention_days : int
        Hot window of waveforms, and of features, assessments and prognoses [days].
    cold_pass_share : float
        Share of one core that the compact encoding of old waveforms may use [1]; 0 switches it off.
    diagnosis_interval_s : float
        Measured time between two periodic diagnoses of a machine [s].
    diagnosis_share : float
        Share of a worker's time that automatic diagnoses may use [1]; 0 switches them off.
    retrain_interval_s : float
        Age of a model from which new failures start a training [s]; 0 switches off all automatic training.
    min_free_disk_bytes : int
        Free space below which the service warns [bytes].
    webhook_allowed_networks : str
        Comma-separated CIDR ranges that notifications may reach although they are not public.
    public_url : str
        URL of this service for links in notifications; empty: no links.
    bearings : str
        CSV file with bearings of the user's own by designation; empty: only those of pdm.
    """

    dsn: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    max_body_bytes: int = 64 * 1024 * 1024
    body_deadline_s: float = 30.0
    pool_size: int = 8
    batch_acquisitions: int = 64
    poll_interval_s: float = 0.05
    reorder_horizon_s: float = 7 * 86400.0
    future_tolerance_s: float = 300.0
    waveform_retention_days: int = 90
    feature_retention_days: int = 1825
    cold_pass_share: float = 0.25
    diagnosis_interval_s: float = 86400.0
    diagnosis_share: float = 0.2
    retrain_interval_s: float = 30 * 86400.0
    min_free_disk_bytes: int = 2 * 1024**3
    webhook_allowed_networks: str = ""
    public_url: str = ""
    bearings: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from environment variables named `PDM_<FIELD>`.

        Raises
        ------
        ConfigurationError
            A variable does not have the type of its field; the message names it.
        """
        source = os.environ if environment is None else environment
        values: dict[str, object] = {}
        for field in fields(cls):
            name = f"PDM_{field.name.upper()}"
            if name not in source:
                continue
            try:
                values[field.name] = _KINDS[str(field.type)](source[name])
            except ValueError as error:
                raise ConfigurationError(f"{name}={source[name]!r} must be of type {field.type}") from error
        return cls(**values)  # type: ignore[arg-type]
