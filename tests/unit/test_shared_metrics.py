"""The folder that workers share their metrics in: private, wiped of what killed servers left, true after a death."""

import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from api.observe.shared import VARIABLE, forget_dead, forget_gauges


def run(code: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    """Run it where prometheus_client has not been imported yet."""
    return subprocess.run(
        [sys.executable, "-c", code, str(data_dir)], capture_output=True, text=True, timeout=60, check=False
    )


USE = f"""
import os, sys
from pathlib import Path
from api.observe.shared import shared_folder
with shared_folder(Path(sys.argv[1])) as folder:
    assert os.environ[{VARIABLE!r}] == str(folder)
    (folder / "counter_1.db").write_text("x")
    print(folder)
    END
assert {VARIABLE!r} not in os.environ
"""


def test_it_is_private_and_goes_with_the_server(tmp_path: Path) -> None:
    data_dir = tmp_path / "data folder"
    ended = run(USE.replace("END", "print(oct(folder.stat().st_mode & 0o777))"), data_dir)
    folder, mode = ended.stdout.splitlines()
    assert (ended.returncode, mode) == (0, "0o700"), ended.stderr
    assert not Path(folder).exists()
    assert stat.S_IMODE((data_dir / "metrics").stat().st_mode) == 0o700


def test_what_a_killed_server_left_is_removed(tmp_path: Path) -> None:
    killed = run(USE.replace("END", "os.kill(os.getpid(), 9)"), tmp_path)
    assert killed.returncode == -9
    (left,) = (tmp_path / "metrics").iterdir()
    ended = run(USE.replace("END", "print(*folder.parent.iterdir())"), tmp_path)
    assert str(left) not in ended.stdout
    assert not list((tmp_path / "metrics").iterdir())


def test_what_a_living_server_uses_stays(tmp_path: Path) -> None:
    living = tmp_path / "metrics" / "run-living"
    living.mkdir(parents=True)
    lock = os.open(living / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert run(USE.replace("END", "pass"), tmp_path).returncode == 0
    assert living.is_dir()
    os.close(lock)
    assert run(USE.replace("END", "pass"), tmp_path).returncode == 0
    assert not living.exists()


def test_metrics_must_not_be_made_before(tmp_path: Path) -> None:
    ended = run("import prometheus_client\n" + USE.replace("END", "pass"), tmp_path)
    assert "workers would not share metrics" in ended.stderr


COUNT = f"""
import os, sys
from pathlib import Path
os.environ[{VARIABLE!r}] = sys.argv[1]
from api.observe.meter import Meter
from api.observe.metrics import Metrics
metrics = Metrics()

def worker(requests):
    metrics.begin_worker()
    metrics.serve([("town@1", "in_force", True)])
    for _ in range(requests):
        metrics.request_began()
        metrics.request_ended("GET", "/a", 200, 0.01, 3, 5)
    meter = Meter()
    meter.judged("town@1", "CCN" * requests)
    metrics.add(meter)
    metrics.request_began()

def child(requests):
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        worker(requests)
        os.write(write, b".")
        os.read(os.pipe()[0], 1)
    os.read(read, 1)
    return pid

def samples():
    # As a worker would ask, whose parent this process is.
    read, write = os.pipe()
    if not os.fork():
        os.write(write, metrics.exposition(as_openmetrics=False))
        os._exit(0)
    os.wait()
    lines = os.read(read, 1 << 20).decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if line[0] != "#")

children = [child(3), child(4)]
for step in "both", "one", "none":
    found = samples()
    print(step, *(found.get(name) for name in (
        "xueheng_requests_in_flight",
        'xueheng_requests_total{{method="GET",route="/a",status="200"}}',
        'xueheng_verdicts_total{{ruleset="town@1",verdict="compliant"}}',
        'xueheng_request_seconds_count{{route="/a"}}',
        'xueheng_request_bytes_total{{route="/a"}}',
        'xueheng_ruleset_served{{authority="in_force",published="true",ruleset="town@1"}}',
    )))
    if children:
        os.kill(children[-1], 9)
        os.waitpid(children.pop(), 0)
"""


def test_counts_outlive_a_worker_and_gauges_do_not(tmp_path: Path) -> None:
    ended = run(COUNT, tmp_path)
    assert ended.stdout.splitlines() == [
        "both 2.0 7.0 14.0 7.0 21.0 1.0",
        "one 1.0 7.0 14.0 7.0 21.0 1.0",
        "none 0.0 7.0 14.0 7.0 21.0 None",
    ], ended.stderr


@pytest.mark.parametrize("whose", ["child", "stranger", "nobody"])
def test_only_children_live(tmp_path: Path, whose: str) -> None:
    """Pid 1 lives, but is not a worker of ours: the pid of a dead one may have gone to a stranger."""
    with subprocess.Popen(["sleep", "60"]) as child:
        pid = {"child": child.pid, "stranger": 1, "nobody": 2**22 + 1}[whose]
        for mode in ("livesum", "livemax"):
            (tmp_path / f"gauge_{mode}_{pid}.db").touch()
        kept = tmp_path / f"counter_{pid}.db"
        kept.touch()
        forget_dead(tmp_path, parent=os.getpid())
        child.kill()
    assert len(list(tmp_path.iterdir())) == (3 if whose == "child" else 1)
    forget_gauges(tmp_path, pid)
    assert list(tmp_path.iterdir()) == [kept]
