"""Processes that compute for a worker, one job after the other each.

    worker ── control ── nursery ── forks ──► lane ◄── a socket of its own ── worker

The nursery is forked before the worker has threads, and has none itself: so it can fork lanes at any time that
have all the worker had at its start. It lives as long as the worker, and the lanes as long as the nursery.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import signal
import socket
import struct
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Generic, NoReturn, TypeVar

import structlog

from api.observe.logs import frames_of
from api.problems import Problem
from api.services.processes import die_with

__all__ = ["LaneLost", "Lanes"]

log = structlog.get_logger(__name__)

Task = TypeVar("Task")
Result = TypeVar("Result")
_Pieces = asyncio.Queue[bytes | Exception]
Work = Callable[[Task, bytes], tuple[Iterator[bytes], Result]]
"""Makes the pieces of a reply, and the result that holds when they are made. May raise Problem."""

_HEAD = struct.Struct("!cQ")
_PIECE, _DONE, _PROBLEM, _FAILED = b"p", b"d", b"r", b"f"
_PIECE_BYTES = 256 * 1024
_WAITING_PIECES = 256
"""Pieces of a reply that may wait for a slow reader before its lane must wait too: 64 MiB."""
_NICE = 10
"""Short requests go first when the processors are busy: those beside a batch waited a fifth as long as at 5."""


class LaneLost(Exception):
    """The process that computed is gone, or made a mistake that it has logged."""


class Lanes(Generic[Task, Result]):
    """Up to `at_once` processes that run `work`. Create it while the process has one thread only."""

    def __init__(self, work: Work[Task, Result], at_once: int) -> None:
        self._control = _fork_nursery(work)
        self._idle: list[_Lane] = []
        self._free = asyncio.Semaphore(at_once)

    async def run(
        self, task: Task, body: Sequence[bytes], done: Callable[[Result], None]
    ) -> AsyncGenerator[bytes, None]:
        """The pieces of the reply. `done` takes the result after the last of them.

        Raises the Problem that the work raised, or LaneLost. When the caller stops reading, the lane is ended.
        """
        pieces: _Pieces = asyncio.Queue(_WAITING_PIECES)
        filling = asyncio.create_task(self._fill(task, body, done, pieces))
        try:
            while piece := await pieces.get():
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            if not filling.done():
                filling.cancel()
                await asyncio.wait([filling])

    async def _fill(self, task: Task, body: Sequence[bytes], done: Callable[[Result], None], pieces: _Pieces) -> None:
        try:
            async with self._free:
                kind, payload = await self._ask(task, body, pieces)
            if kind == _PROBLEM:
                raise _problem(payload)
            if kind != _DONE:
                raise LaneLost("the process that computed has logged a mistake")
            done(pickle.loads(payload))
        except Exception as error:  # noqa: BLE001 - raised where the pieces are read
            await pieces.put(error)
        else:
            await pieces.put(b"")

    async def _ask(self, task: Task, body: Sequence[bytes], pieces: _Pieces) -> tuple[bytes, bytes]:
        """Hand on the pieces of the reply; returns what came after them. A lane that is left in the middle is ended."""
        lane = self._idle.pop() if self._idle else _Lane(self._control)
        try:
            await lane.ask((task, structlog.contextvars.get_contextvars()), body)
            while True:
                kind, payload = await lane.told()
                if kind != _PIECE:
                    break
                await pieces.put(payload)
        except BaseException:
            lane.end()
            raise
        self._idle.append(lane)
        return kind, payload


class _Lane:
    """The worker's end of one lane."""

    def __init__(self, control: socket.socket) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(control, [b"+"], [theirs.fileno()])
        self._socket = ours
        (self._pid,) = struct.unpack("!Q", ours.recv(8, socket.MSG_WAITALL))
        ours.setblocking(False)

    async def ask(self, task: object, body: Sequence[bytes]) -> None:
        head = pickle.dumps(task)
        send = asyncio.get_running_loop().sock_sendall
        try:
            await send(self._socket, struct.pack("!QQ", len(head), sum(map(len, body))) + head)
            for piece in body:
                await send(self._socket, piece)
        except OSError as error:
            raise LaneLost("the process that computes is gone") from error

    async def told(self) -> tuple[bytes, bytes]:
        kind, length = _HEAD.unpack(await self._read(_HEAD.size))
        return kind, await self._read(length)

    async def _read(self, length: int) -> bytes:
        found = bytearray(length)
        rest = memoryview(found)
        receive = asyncio.get_running_loop().sock_recv_into
        while rest:
            try:
                number = await receive(self._socket, rest)
            except OSError as error:
                raise LaneLost("the process that computes is gone") from error
            if not number:
                raise LaneLost("the process that computed ended in the middle")
            rest = rest[number:]
        return bytes(found)

    def end(self) -> None:
        """Give it up in the middle of whatever it does."""
        self._socket.close()
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)


# --- in the nursery and the lanes -------------------------------------------------------------


def _fork_nursery(work: Work[Any, Any]) -> socket.socket:
    ours, theirs = socket.socketpair()
    parent = os.getpid()
    if os.fork():
        theirs.close()
        return ours
    _as_child(parent)
    # Above all the worker's listening socket, which must close when the worker closes it.
    os.closerange(3, theirs.fileno())
    os.closerange(theirs.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    # Lanes that end leave nothing to wait for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        _, files, _, _ = socket.recv_fds(theirs, 1, 1)
        if not files:
            os._exit(0)
        nursery = os.getpid()
        if not os.fork():
            theirs.close()
            _as_child(nursery)
            _serve(socket.socket(fileno=files[0]), work)
        os.close(files[0])


def _as_child(parent: int) -> None:
    """Whoever asks the whole group to end means the worker: it waits for its lanes, and they end with it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    die_with(parent, signal.SIGKILL)


def _serve(worker: socket.socket, work: Work[Any, Any]) -> NoReturn:
    os.nice(_NICE)
    # What was forked stays shared for as long as nobody touches it.
    gc.freeze()
    try:
        worker.sendall(struct.pack("!Q", os.getpid()))
        while lengths := worker.recv(16, socket.MSG_WAITALL):
            head, body = (worker.recv(n, socket.MSG_WAITALL) for n in struct.unpack("!QQ", lengths))
            _answer(worker, work, head, body)
    except OSError:
        # The worker has closed its end: it needs this lane no longer.
        os._exit(0)
    os._exit(0)


def _answer(worker: socket.socket, work: Work[Any, Any], head: bytes, body: bytes) -> None:
    task, names = pickle.loads(head)
    structlog.contextvars.bind_contextvars(**names)
    try:
        pieces, result = work(task, body)
        for piece in pieces:
            view = memoryview(piece)
            for start in range(0, len(view), _PIECE_BYTES):
                _tell(worker, _PIECE, view[start : start + _PIECE_BYTES])
        _tell(worker, _DONE, pickle.dumps(result))
    except Problem as problem:
        _tell(worker, _PROBLEM, _problem_sent(problem))
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - the lane must outlive any job, and the worker be told
        log.error("job_failed", **frames_of(error))
        _tell(worker, _FAILED, b"")
    finally:
        structlog.contextvars.clear_contextvars()


def _tell(worker: socket.socket, kind: bytes, payload: bytes | memoryview) -> None:
    worker.sendall(_HEAD.pack(kind, len(payload)))
    worker.sendall(payload)


def _problem_sent(problem: Problem) -> bytes:
    named = {
        name: getattr(problem, name) for name in ("detail", "pointer", "help", "line", "errors", "extra", "headers")
    }
    return pickle.dumps((problem.type.slug, named))


def _problem(sent: bytes) -> Problem:
    slug, named = pickle.loads(sent)
    return Problem(slug, **named)
