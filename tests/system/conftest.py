"""What system tests need from outside: the originals, a browser, a running server. What is missing fails a test."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.system.running import ROOT, STOP_S, Server, free_port, wait_until_ready


@pytest.fixture(scope="session")
def sources(sources_setting: str | None) -> Path:
    """The folder of originals: `XUEHENG_SOURCES`, else beside the checkout."""
    folder = Path(sources_setting) if sources_setting else ROOT.parent / "shared" / "sources"
    if not any(folder.glob("*.txt")):
        pytest.fail(f"no originals in {folder}: set XUEHENG_SOURCES to the folder that holds them")
    return folder


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers of this checkout on free ports, each with a data folder of its own; all end with the test."""
    # Who was put into the background ignores it, and so would the servers.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started: list[Server] = []

    def start(*arguments: str, **settings: str) -> Server:
        port = free_port()
        log = tmp_path / f"server-{port}.log"
        environment = {"XUEHENG_PORT": str(port), "XUEHENG_DATA_DIR": str(tmp_path / f"data {port}"), **settings}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("xueheng"), "serve", *arguments],
                cwd=tmp_path,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        server = Server(f"http://127.0.0.1:{port}", process, log)
        started.append(server)
        wait_until_ready(server)
        return server

    yield start
    for server in started:
        server.process.terminate()
    for server in started:
        try:
            server.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()
            pytest.fail(f"the server did not stop:\n{server.log.read_text('utf-8')[-3000:]}")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """Headless Chromium that reaches this machine only and logs every request."""
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    if None in programs.values():
        pytest.fail(f"a browser is needed (on Debian: install chromium and chromium-driver); found {programs}")
    options = webdriver.ChromeOptions()
    options.binary_location = str(programs["chromium"])
    for argument in (
        "--headless=new",
        # Chromium refuses its sandbox to root.
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--window-size=1280,1600",
        f"--user-data-dir={tmp_path / 'chromium'}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(programs["chromedriver"])))
    yield driver
    driver.quit()
