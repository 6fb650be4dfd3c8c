"""Settings, read once from the environment: each is GRIDGOV_ and its name in capitals."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator may set; every field's description is its line in the README's table."""

    model_config = SettingsConfigDict(env_prefix="GRIDGOV_", extra="ignore", frozen=True)

    data: Path = Field(Path("var"), description="folder of the store, the photos and the lock file")
    database: str | None = Field(None, description="the store; sqlite:///DATA/gridgov.db unless set")
    host: str = Field("127.0.0.1", description="address the server listens on")
    port: int = Field(8020, ge=0, le=65535, description="port the server listens on")
    session_hours: float = Field(12, gt=0, description="hours until somebody has to sign in again")
    secure_cookies: bool = Field(False, description="set behind HTTPS: cookies are Secure and named __Host-")
    trusted_proxies: str | None = Field(
        None,
        description="addresses of proxies whose X-Forwarded-For and -Proto are believed, separated by "
        "commas; behind one that is not named everybody has its address, and wrong passwords of "
        "some keep out all",
    )
    body_max_bytes: int = Field(
        1_000_000, gt=0, description="largest request body but for photos and imports"
    )
    photo_max_bytes: int = Field(15_000_000, gt=0, description="largest photo taken")
    import_max_bytes: int = Field(
        200_000_000, gt=0, description="largest body of an administrator's import of grids or history"
    )
    read_connections: int = Field(16, gt=0, description="connections, and threads, that read the store")
    feed_queue: int = Field(
        1000, gt=0, description="frames that may wait for one reader before it is told to resume"
    )
    feed_heartbeat_s: float = Field(15, gt=0, description="seconds between heartbeats of the feed")
    feed_coalesce_ms: float = Field(
        20, ge=0, description="milliseconds for which frames are gathered into a message"
    )
    feed_replay_max: int = Field(
        20_000, gt=0, description="entries replayed to a reader; a longer gap is a resync"
    )
    base_url: str | None = Field(
        None, description="address under which people reach this installation; for links in e-mails"
    )
    smtp_host: str | None = Field(None, description="mail server; without one no e-mail is sent")
    smtp_port: int = Field(587, gt=0, le=65535, description="port of the mail server")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="how the mail server is spoken to: starttls, tls from the start, or none"
    )
    smtp_user: str | None = Field(None, description="name to sign in to the mail server with")
    smtp_password_file: Path | None = Field(None, description="file that holds the password for it")
    smtp_from: str | None = Field(None, description="address that e-mails come from; needed to send any")
    smtp_gather_s: float = Field(
        60, ge=0, description="seconds for which what is told to one person is gathered into one e-mail"
    )
    outbox_timeout_s: float = Field(10, gt=0, description="seconds that one webhook or e-mail may take")
    outbox_attempts: int = Field(30, gt=0, description="tries after which a delivery is dead")
    outbox_age_hours: float = Field(72, gt=0, description="hours of waiting after which a delivery is dead")
    outbox_keep_days: float = Field(7, ge=0, description="days for which delivered ones are kept on record")
    outbox_rotation_hours: float = Field(
        24, ge=0, description="hours for which the secret before still signs beside a new one"
    )
    statistics: Literal["process", "inside"] = Field(
        "process",
        description="where figures are worked out: in a process of its own beside the server, or inside it",
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="form of the log lines on standard error"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level logged")
    bench: bool = Field(False, description="adds the endpoint that benchmarks compare with; never in service")

    @property
    def database_url(self) -> str:
        """The store as an SQLAlchemy URL."""
        return self.database or f"sqlite:///{self.data / 'gridgov.db'}"

    @property
    def index_folder(self) -> Path:
        """Where saved indexes of the grids are kept; lost without harm."""
        return self.data / "index"

    @property
    def statistics_folder(self) -> Path:
        """Where the copies are kept that figures are asked of; lost without harm."""
        return self.data / "statistics"

    @property
    def photo_folder(self) -> Path:
        """Where photos are kept by the hash of their content."""
        return self.data / "photos"
