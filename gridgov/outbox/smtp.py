"""E-mail handed to the city's mail server: one connection for what waits, then closed."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Final, Literal

from gridgov.errors import ServiceError
from gridgov.outbox.addresses import why_no_address
from gridgov.outbox.webhook import Tried, cleaned
from gridgov.settings import Settings

#: What each answer of the server says about the connection, not about one e-mail.
_OF_THE_SERVER: Final = (
    smtplib.SMTPServerDisconnected,
    smtplib.SMTPConnectError,
    smtplib.SMTPHeloError,
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPNotSupportedError,
    smtplib.SMTPSenderRefused,
    OSError,
)


class NoMailServer(ServiceError):
    """No mail server is set: GRIDGOV_SMTP_HOST and GRIDGOV_SMTP_FROM say which, and who writes."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mail is handed in. ``password_file`` is read each time: a new password needs no restart."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    user: str | None
    password_file: Path | None
    timeout_s: float

    @classmethod
    def of(cls, settings: Settings) -> MailServer:
        """The one that the settings name; raises NoMailServer."""
        if not settings.smtp_host or not settings.smtp_from:
            raise NoMailServer()
        if wrong := why_no_address(settings.smtp_from):
            raise NoMailServer(f"GRIDGOV_SMTP_FROM: {wrong}")
        return cls(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_security,
            settings.smtp_from,
            settings.smtp_user,
            settings.smtp_password_file,
            settings.outbox_timeout_s,
        )

    def send(self, messages: Sequence[EmailMessage], line: Line) -> list[Tried]:
        """Hand in some e-mails; what came of each, in order. Where the server itself is unwell, those left
        over have the same error.
        """
        tried: list[Tried] = []
        try:
            with self._connected(line) as server:
                for message in messages:
                    # One by one: what was taken before the connection broke was taken.
                    tried.append(_handed_in(server, message))  # noqa: PERF401
        except _OF_THE_SERVER as error:
            # Also when it takes what it was given and then cannot say goodbye: that was taken.
            failed = Tried(_said(error), True)
            tried += [failed] * (len(messages) - len(tried))
        return tried

    @contextmanager
    def _connected(self, line: Line) -> Iterator[smtplib.SMTP]:
        """A connection that is ready for e-mail, as safe as the settings ask; never less."""
        context = ssl.create_default_context()
        server: smtplib.SMTP = (
            smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_s, context=context)
            if self.security == "tls"
            else smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)
        )
        line.hold(server)
        try:
            if self.security == "starttls":
                server.starttls(context=context)
            if self.user is not None:
                self._sign_in(server, self.user)
            yield server
            server.quit()
        finally:
            server.close()

    def _sign_in(self, server: smtplib.SMTP, user: str) -> None:
        """Raises what the library raises, and an SMTPException where either is no text that it sends."""
        try:
            server.login(user, self._password())
        except UnicodeError as error:
            said = "the name and the password for the mail server have to be ASCII, in a file of plain text"
            raise smtplib.SMTPException(said) from error

    def _password(self) -> str:
        if self.password_file is None:
            return ""
        return self.password_file.read_text(encoding="utf-8").rstrip("\r\n")


class Line:
    """The connection that is open, so that somebody else can cut it: a server that answers a letter a second
    would hold it for ever.
    """

    def __init__(self) -> None:
        self._server: smtplib.SMTP | None = None
        self._cut = False

    def hold(self, server: smtplib.SMTP) -> None:
        """This connection is open now."""
        self._server = server
        if self._cut:
            self.cut()

    def cut(self) -> None:
        """End the connection, from any thread; whoever waits for it gets an OSError or the end of it."""
        self._cut = True
        open_ = None if self._server is None else self._server.sock
        if open_ is not None:
            try:
                open_.shutdown(socket.SHUT_RDWR)
            except OSError:
                # It has ended by itself: that is what was wanted.
                return


def _handed_in(server: smtplib.SMTP, message: EmailMessage) -> Tried:
    try:
        server.send_message(message)
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
        # The next one begins afresh: its first command would be out of order otherwise.
        server.rset()
        return Tried(_said(error))
    return Tried()


def _said(error: Exception) -> str:
    """What the server said, as one line. Of a sign-in that failed not more than its code: some servers repeat
    what they were sent.
    """
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"the mail server refused the name or password (code {error.smtp_code})"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
        return cleaned(f"the mail server refused the recipient: {code} {_text(said)}")
    if isinstance(error, smtplib.SMTPResponseException):
        return cleaned(f"the mail server said: {error.smtp_code} {_text(error.smtp_error)}")
    return cleaned(f"the mail server: {type(error).__name__}: {error}")


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
