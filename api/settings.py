"""The environment, read once at start and passed in."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["LOG_LEVELS", "BadSetting", "Limits", "Settings"]

_HOST = "127.0.0.1"
_PORT = 8000
_DATA_DIR = Path(".xueheng")
LOG_LEVELS = ("debug", "info", "warning", "error")


class BadSetting(Exception):
    """A setting that cannot be used; the message names the variable and says what it must be."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask of the server."""

    body_bytes: int = 64 * 1024 * 1024
    """Longest body of a batch, as it is sent."""
    unpacked_bytes: int = 256 * 1024 * 1024
    """Most that a compressed body, or a body of columns that share what they hold, may unpack to."""
    single_body_bytes: int = 16 * 1024 * 1024
    """Longest body of a single evaluation: a county with all its schools."""
    members: int = 20_000
    """Most members of one record, through any depth."""
    body_seconds: float = 60.0
    """Longest time in which a body must arrive."""
    records: int = 100_000
    """Most records of a batch."""
    full_records: int = 2_000
    """Most records of a batch with `detail: full`."""
    batch_seconds: float = 300.0
    """Longest time that a batch may compute."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the server listens and what it reads. An empty variable counts as unset."""

    host: str = _HOST
    port: int = _PORT
    data_dir: Path = _DATA_DIR
    database_url: str | None = None
    sources: Path | None = None
    rulesets: Path | None = None
    log_level: str = "info"
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """The settings in `XUEHENG_…`. Raises BadSetting."""

        def value(name: str) -> str | None:
            return environment.get(f"XUEHENG_{name}", "").strip() or None

        def folder(name: str) -> Path | None:
            text = value(name)
            return Path(text).expanduser() if text else None

        return cls(
            host=value("HOST") or _HOST,
            port=_port(value("PORT")),
            data_dir=folder("DATA_DIR") or _DATA_DIR,
            database_url=_database_url(value("DATABASE_URL")),
            sources=folder("SOURCES"),
            rulesets=folder("RULESETS"),
            log_level=_log_level(value("LOG_LEVEL")),
        )

    def require_loopback(self) -> None:
        """Raise BadSetting unless the host is this machine's own: without keys nobody else may ask."""
        try:
            loopback = self.host == "localhost" or ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise BadSetting(
                f"XUEHENG_HOST is `{self.host}`, but without access keys the server listens on this machine only: "
                "set it to `127.0.0.1`, `::1` or `localhost`, or leave it unset"
            )


def _log_level(text: str | None) -> str:
    level = "info" if text is None else text.lower()
    if level not in LOG_LEVELS:
        raise BadSetting(f"XUEHENG_LOG_LEVEL is `{text}`: expected one of {', '.join(LOG_LEVELS)}")
    return level


def _database_url(text: str | None) -> str | None:
    if text is not None and not text.startswith(("postgresql://", "postgres://")):
        # Not shown: it may hold a password.
        raise BadSetting("XUEHENG_DATABASE_URL: expected an address like `postgresql://user:password@host:5432/name`")
    return text


def _port(text: str | None) -> int:
    if text is None:
        return _PORT
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise BadSetting(f"XUEHENG_PORT is `{text}`: expected a whole number from 1 to 65535")
    return int(text)
