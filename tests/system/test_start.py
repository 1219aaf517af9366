"""A server is there at once and gone at once."""

import signal
import time
from collections.abc import Callable

import pytest

from tests.system.running import STOP_S, Server, status_of

READY_WITHIN_S = 2.0


def test_ready_in_two_seconds(serve: Callable[..., Server]) -> None:
    seconds = []
    # The best of three: other work on the machine can slow one start, not make one faster.
    for _ in range(3):
        start = time.monotonic()
        server = serve()
        seconds.append(time.monotonic() - start)
        server.process.terminate()
        server.process.wait(STOP_S)
    assert min(seconds) < READY_WITHIN_S, seconds


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(serve: Callable[..., Server], stop: signal.Signals) -> None:
    server = serve()
    server.process.send_signal(stop)
    server.process.wait(STOP_S)
    assert status_of(f"{server.url}/health/live") is None
    assert "Traceback" not in server.log.read_text("utf-8")
