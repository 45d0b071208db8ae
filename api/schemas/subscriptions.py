"""Subscriptions: receivers of alerts, delivery times and dead letters."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, SecretStr

from api.dependencies import Key
from api.schemas.machines import Severity
from api.schemas.pages import Answer, Question, Time

Kind = Literal["webhook", "alertmanager", "mqtt", "email", "chat"]
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=1000)]
Host = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[^\s\x00/@]+$", examples=["broker.example.com"])]
Port = Annotated[int, Field(ge=1, le=65535)]
Authority = Annotated[
    str | None, Field(max_length=100_000, pattern=r"^[^\x00]*$", description="One more certificate authority (PEM).")
]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["22:00"])]
Address = Annotated[
    str, Field(min_length=3, max_length=320, pattern=r"^[^\s\x00@]+@[^\s\x00@]+$", examples=["a@example.com"])
]


class Alertmanager(Question):
    """How to sign in to an Alertmanager; the address is the subscription's `url`."""

    username: Text | None = None
    password: Secret | None = None
    token: Secret | None = Field(default=None, description="Sent as a bearer token.")


class Mqtt(Question):
    """A broker, and the topics under it."""

    host: Host
    port: Port = 8883
    tls: bool = True
    authority: Authority = None
    protocol: Literal["5", "3.1.1"] = "5"
    username: Text | None = None
    password: Secret | None = None
    prefix: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._/-]+$")] = "pdm"


class Email(Question):
    """An SMTP server, and who writes to whom over it."""

    host: Host
    port: Port = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    authority: Authority = None
    username: Text | None = None
    password: Secret | None = None
    sender: Address
    recipients: Annotated[list[Address], Field(min_length=1, max_length=50)]


class QuietHours(Question):
    """A daily span in which nothing is sent, in local time; one that ends before it starts spans midnight."""

    start: Clock
    end: Clock
    time_zone: Annotated[
        str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$", examples=["Asia/Seoul"])
    ]


class RateLimit(Question):
    """Most messages in any span of time; what exceeds them waits and goes out as one."""

    messages: Annotated[int, Field(ge=1, le=100_000)]
    per_s: Annotated[float, Field(ge=1, le=86400, allow_inf_nan=False)] = 60.0


class Pacing(Question):
    """When a receiver may be told."""

    quiet_hours: QuietHours | None = None
    rate_limit: RateLimit | None = None
    digest_s: Annotated[
        float | None,
        Field(ge=1, le=86400, allow_inf_nan=False, description="Collect for so long, then send one message."),
    ] = None
    critical_overrides: bool = Field(default=True, description="Critical alerts are never held back.")


class SubscriptionQuestion(Question):
    """A receiver of alerts; without a kind a webhook, signed as Standard Webhooks has it.

    `url` is that of a webhook, an Alertmanager, or a chat service as Apprise writes it; `mqtt` and `email`
    describe receivers of their kind.
    """

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
    kind: Kind = "webhook"
    url: Annotated[
        str | None,
        Field(max_length=2000, pattern=r"^[a-z][a-z0-9]*://[^\s\x00]*$", examples=["https://example.com/pdm"]),
    ] = None
    payload: Literal["pdm", "alertmanager"] = Field(
        default="pdm", description="Of webhooks: our own, or what Alertmanager's webhooks send (version 4)."
    )
    alertmanager: Alertmanager | None = None
    mqtt: Mqtt | None = None
    email: Email | None = None
    language: Literal["en", "ko"] = Field(default="en", description="Of mails and chats.")
    pacing: Pacing = Pacing()
    min_severity: Severity = "warning"
    site: Key | None = None


class SubscriptionAnswer(Answer):
    """A receiver of alerts; its secrets are never shown."""

    id: UUID
    name: str
    kind: Kind
    url: str = Field(description="Where it is; of a chat service only which.")
    payload: Literal["pdm", "alertmanager"]
    config: dict[str, Any]
    pacing: dict[str, Any]
    site: str | None
    min_severity: Severity
    is_enabled: bool
    created_at: Time


class SubscriptionCreated(SubscriptionAnswer):
    """A new receiver; a webhook with the secret that signs what it is sent, shown this once."""

    secret: str | None


class TestAnswer(Answer):
    """What became of one attempt to reach a receiver."""

    message_id: UUID
    is_delivered: bool
    answer: str | None = Field(description="What the receiver said, or why it is not known to have got it.")
    took_s: float


class DeadLetter(Answer):
    """An event that was given up for a receiver."""

    id: UUID = Field(description="The id that every attempt carried, and that a replay carries.")
    subscription_id: UUID
    subscription: str
    kind: Kind
    is_enabled: bool
    alert_id: UUID
    alert_event_id: int
    attempts: int
    enqueued_at: Time
    attempted_at: Time | None
    dead_at: Time
    last_error: str | None
    payload: dict[str, Any]


class Replayed(Answer):
    """How many dead letters are sent again."""

    letters: int
