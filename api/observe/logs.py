"""Events as lines on standard error: JSON for programs, aligned text in a terminal. Other libraries' logs join in."""

from __future__ import annotations

import logging
import os
import traceback
from typing import Any

import msgspec
import structlog
from structlog.typing import EventDict, Processor

__all__ = ["FOR_GRANIAN", "LEVELS", "configure_logging", "frames_of"]

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

# Granian brings its own handlers unless told otherwise; without them its events reach ours.
FOR_GRANIAN: dict[str, Any] = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"handlers": [], "propagate": True}, "granian.access": {"handlers": [], "propagate": True}},
}

_encode = msgspec.json.Encoder(enc_hook=repr).encode


class _Lines:
    """Writes each event at once and whole, so that lines of several processes do not mix.

    Without a lock: a worker that is forked while another thread writes must not inherit a locked one.
    """

    def __init__(self, file: int) -> None:
        self._file = file

    def msg(self, line: str | bytes) -> None:
        rest = memoryview((line.encode() if isinstance(line, str) else line) + b"\n")
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            # Nobody reads or the disk is full. A request must not fail for that, and there is nowhere to say it.
            return

    debug = info = warning = error = critical = msg


class _Foreign(logging.Handler):
    """Passes what other libraries log through the same processors."""

    def __init__(self) -> None:
        super().__init__()
        self._log = structlog.get_logger()

    def emit(self, record: logging.LogRecord) -> None:
        level = max((number for number in LEVELS.values() if number <= record.levelno), default=logging.DEBUG)
        self._log.log(level, record.getMessage(), logger=record.name, exc_info=record.exc_info or None)


def _json(_logger: Any, _method: str, event: EventDict) -> bytes:
    return _encode(event)


def configure_logging(level: str, *, file: int = 2, terminal: bool | None = None) -> None:
    """Send events of at least this level to a file descriptor; `terminal` is asked of the file unless given."""
    number = LEVELS[level]
    console = os.isatty(file) if terminal is None else terminal
    render: Processor = structlog.dev.ConsoleRenderer(pad_event_to=0) if console else _json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper("iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *([] if console else [structlog.processors.format_exc_info]), render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _Lines(file),
        # Who logs often binds a logger of its own; the others are few, and may be set up anew.
        cache_logger_on_first_use=False,
    )
    # Libraries' own news are of use only to who asked for everything.
    logging.basicConfig(
        handlers=[_Foreign()], level=number if number == logging.DEBUG else max(number, logging.WARNING), force=True
    )
    logging.captureWarnings(True)


def frames_of(error: BaseException) -> dict[str, object]:
    """An error that a request met, for an event: its type and where it was, but not its words, which may hold facts."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return {"error": type(error).__qualname__, "frames": frames}
