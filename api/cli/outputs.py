"""Where the results of `xueheng check` go, and in which form."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO, NoReturn, cast

import click

from api.reports.ndjson import NdjsonForm, NdjsonWriter
from api.reports.results import Form, Writer
from api.reports.table import TableForm, TableWriter
from engine.registry import Library

__all__ = ["OUTPUTS", "Output", "output_for"]

OUTPUTS = ("table", "ndjson", "parquet", "xlsx")
_ENDINGS = {
    ".txt": "table",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "xlsx",
}
_FILES_ONLY = ("parquet", "xlsx")


@dataclass(frozen=True, slots=True)
class Output:
    """The form of the output, the file that it goes to (None is standard output), and what it needs to be told."""

    kind: str
    path: Path | None
    detail: str
    language: str

    @property
    def on_terminal(self) -> bool:
        """True where results are printed for a person, so that nothing else should be."""
        return self.path is None and sys.stdout.isatty()

    def form_of(self, library: Library) -> Form:
        """What writes blocks."""
        match self.kind:
            case "ndjson":
                return NdjsonForm()
            case "parquet":
                from api.reports.parquet import ParquetForm

                return ParquetForm()
            case "xlsx":
                from api.reports.xlsx import XlsxForm

                return XlsxForm(library, self.language)
            case _:
                return TableForm(library)

    @contextmanager
    def opened(self, library: Library, about: Mapping[str, object]) -> Iterator[Writer]:
        """What puts the blocks together. A file appears under its name only when it is whole.

        Raises click.UsageError where it cannot be written to the end.
        """
        if self.path is None:
            with _writing("standard output"):
                yield self._writer(library, about, sys.stdout.buffer, click.echo)
                sys.stdout.flush()
            return
        with _writing(str(self.path)), _replacing(self.path) as stream:

            def echo(text: str, **_: object) -> None:
                stream.write(click.unstyle(text).encode())

            writer: Writer | None = None
            try:
                with _undisturbed():
                    writer = self._writer(library, about, stream, echo)
                yield writer
            except BaseException:
                # Told is what went wrong first.
                with suppress(OSError):
                    if writer is not None:
                        writer.abandon()
                raise

    def _writer(
        self, library: Library, about: Mapping[str, object], stream: BinaryIO, echo: Callable[..., None]
    ) -> Writer:
        match self.kind:
            case "ndjson":
                return NdjsonWriter(stream)
            case "parquet":
                from api.reports.parquet import ParquetWriter

                return ParquetWriter(stream, about)
            case "xlsx":
                from api.reports.xlsx import XlsxWriter

                return XlsxWriter(stream, library, self.language, about)
            case _:
                return TableWriter(library, lambda text: echo(text, nl=False))


def output_for(kind: str | None, name: str | None, detail: str | None, language: str, source: str) -> Output:
    """The wanted output. Raises click.UsageError for what cannot be written."""
    path = None if name is None or name == "-" else Path(name)
    if kind is None and path is not None:
        kind = _ENDINGS.get(path.suffix.lower())
        if kind is None:
            raise click.UsageError(f"in which form should {path} be written? Say so with --format")
    kind = kind or "table"
    if path is None and kind in _FILES_ONLY:
        raise click.UsageError(f"{kind} is written to a file: name it with --output")
    if path is not None:
        if not path.parent.is_dir():
            raise click.UsageError(f"there is no folder {path.parent}")
        if path.is_dir():
            raise click.UsageError(f"{path} is a folder")
        if path.exists() and Path(source).exists() and path.samefile(source):
            raise click.UsageError(f"{path} is the file that is read: name another one")
    # A workbook tells each finding in a sentence; the other two have room for what was asked for.
    told = {"xlsx": "full", "table": "findings"}.get(kind) or detail or "findings"
    if kind == "parquet" and told == "full":
        raise click.UsageError("Parquet holds codes or findings; --detail full is for NDJSON")
    return Output(kind, path, told, language)


@contextmanager
def _writing(name: str) -> Iterator[None]:
    """What the system says while results are written becomes a message. Mistakes of reading are no OSError by then."""
    try:
        yield
    except BrokenPipeError:
        # Whoever reads has seen enough.
        raise
    except OSError as error:
        raise click.UsageError(f"{name} cannot be written to the end: {error.strerror or error}") from None


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file beside the wanted one, which takes its place at the end and is removed when there is none."""
    # Ended from outside it must clean up as well, and Python does that for Ctrl-C only.
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGHUP)}
    stream = None
    try:
        with _undisturbed():
            stream = _beside(path)
        with stream:
            yield cast(BinaryIO, stream)
        os.chmod(stream.name, 0o666 & ~_umask())
        os.replace(stream.name, path)
    except BaseException:
        if stream is not None:
            with suppress(FileNotFoundError):
                os.unlink(stream.name)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _beside(path: Path) -> IO[bytes]:
    try:
        return NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from None


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Whoever ends the program waits until what was made has a name by which it can be removed."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
