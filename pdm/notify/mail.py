"""E-mail over SMTP: one connection per message, to a checked address, encrypted unless configured otherwise."""

from __future__ import annotations

import smtplib
import socket
import time
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from pdm.notify.deadline import shut_after, tls_context
from pdm.notify.message import TEST_SUBJECT, TEST_TEXT, Attempt, Message, Receiver
from pdm.notify.targets import ForbiddenTargetError, Network, connect
from pdm.notify.text import body_of, subject_of
from pdm.words.catalogue import DEFAULT_LANGUAGE


def write_mail(
    receiver: Receiver, message_id: str, subject: str, body: str, now: datetime, thread: str | None = None
) -> EmailMessage:
    """Return the mail; its Message-ID contains the event's id, so that receivers can recognise repeats.

    `thread` groups related mails, such as the events of one alert.
    """
    mail = EmailMessage()
    mail["From"] = receiver.config["sender"]
    mail["To"] = ", ".join(receiver.config["recipients"])
    mail["Subject"] = " ".join(subject.split())  # a name may contain line ends, a header cannot
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{message_id}@pdm.invalid>"
    if thread is not None:
        mail["References"] = f"<{thread}@pdm.invalid>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834, 5: prevents automatic replies
    mail["X-Pdm-Event"] = message_id
    mail.set_content(body)
    return mail


class MailSender:
    """Sends mails through one server; for one thread.

    Parameters
    ----------
    networks : sequence of network
        Allowed ranges that are not public.
    timeout : float
        Longest total time of an attempt [s].
    public_url : str
        URL of this service for links.
    """

    def __init__(self, networks: Sequence[Network] = (), timeout: float = 10.0, public_url: str = "") -> None:
        self._networks = tuple(networks)
        self._timeout = timeout
        self._public_url = public_url

    def close(self) -> None:
        """Nothing is kept open."""

    def rest(self) -> None:
        """Nothing is kept open."""

    def send(self, receiver: Receiver, message: Message, now: datetime) -> Attempt:
        """Send a message; it is delivered when the server has accepted it for every recipient."""
        thread = None if message.is_digest else str(message.events[0].data["alert_id"])
        language = receiver.config.get("language", DEFAULT_LANGUAGE)
        subject, body = subject_of(message, language), body_of(message, self._public_url, language)
        return self.send_mail(receiver, write_mail(receiver, message.id, subject, body, now, thread))

    def test(self, receiver: Receiver, message_id: str, now: datetime) -> Attempt:
        """Send a test mail."""
        return self.send_mail(receiver, write_mail(receiver, message_id, TEST_SUBJECT, TEST_TEXT, now))

    def send_mail(self, receiver: Receiver, mail: EmailMessage) -> Attempt:
        """Send a mail once; an error of the server or the subscription is returned, not raised."""
        started = time.monotonic()
        try:
            answer = self._send(receiver, mail)
        except ForbiddenTargetError as error:
            return Attempt(False, True, f"forbidden target: {error}")
        except smtplib.SMTPRecipientsRefused as error:
            return Attempt(False, True, f"the server rejected {_refused(error.recipients)}")
        except smtplib.SMTPAuthenticationError as error:
            return Attempt(False, True, f"the server rejected the login: {error.smtp_code}")
        except smtplib.SMTPResponseException as error:
            return Attempt(False, True, f"the server answered {error.smtp_code} {_text(error.smtp_error)}")
        except (smtplib.SMTPNotSupportedError, UnicodeError) as error:
            return Attempt(False, True, f"{type(error).__name__}: {error}"[:200])
        except (OSError, smtplib.SMTPException, ValueError) as error:
            if time.monotonic() - started >= self._timeout or isinstance(error, TimeoutError):
                return Attempt(False, False, f"no answer within {self._timeout:g} s")
            return Attempt(False, False, f"{type(error).__name__}: {error}"[:200])
        return Attempt(True, True, answer=answer)

    def _send(self, receiver: Receiver, mail: EmailMessage) -> str:
        config, credentials = receiver.config, receiver.credentials
        tls = None if config["tls"] == "none" else tls_context(config.get("authority"))
        connection = connect(str(config["host"]), int(config["port"]), self._networks, self._timeout)
        with shut_after(connection, self._timeout):
            if tls is not None and config["tls"] == "implicit":
                connection = tls.wrap_socket(connection, server_hostname=str(config["host"]))
            server = _CheckedSmtp(connection, str(config["host"]), self._timeout)
            try:
                if tls is not None and config["tls"] == "starttls":
                    server.starttls(context=tls)
                if "password" in credentials:
                    server.login(str(config.get("username", "")), str(credentials["password"]))
                refused = server.send_message(mail)
                if refused:
                    raise smtplib.SMTPRecipientsRefused(refused)
                return f"the server accepted the message for {len(config['recipients'])} recipients"
            finally:
                server.close()


def _refused(recipients: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{name}: {code} {_text(answer)}" for name, (code, answer) in recipients.items())[:300]


def _text(answer: bytes | str) -> str:
    return (answer.decode(errors="replace") if isinstance(answer, bytes) else answer)[:200]


class _CheckedSmtp(smtplib.SMTP):
    """An SMTP session over an existing connection, without another DNS lookup."""

    def __init__(self, connection: socket.socket, host: str, timeout: float) -> None:
        super().__init__(timeout=timeout, local_hostname="pdm.invalid")
        self._host = host  # starttls verifies the certificate against this name
        self._given = connection
        code, answer = self.connect(host, 25)
        if code != 220:
            self.close()
            raise smtplib.SMTPConnectError(code, answer)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:  # noqa: ARG002
        return self._given
