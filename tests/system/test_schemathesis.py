"""The server does what `/schema` says, also when it is asked what `/schema` forbids.

Three of Schemathesis's checks run but find nothing to look at, because the API has nothing of the kind:
`use_after_free` and `ensure_resource_availability` need operations that delete or create, `ignored_auth` and
`object_level_authorization` need keys. For want of the same the stateful phase has no links to follow.
`missing_required_header` waits for the first required header, `max_response_time` is measured elsewhere.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.system.running import ROOT, Server

SEED = 20261122
EXAMPLES = 60
# Two idle cores need a third of it.
AT_MOST_S = 240
ACCEPTED_SHARE = 0.5

# 422: well formed, yet impossible, which no JSON Schema can say (as an inclusion that does not apply to the place).
# Unknown names are not the reason: the hooks put in those that exist, so 404 is a failure.
CONFIG = f"""\
seed = {SEED}
hooks = "tests.system.schemathesis_hooks"
continue-on-failure = true
request-timeout = 30
warnings = {{ fail-on = true }}

[checks]
enabled = true
positive_data_acceptance.expected-statuses = ["2xx", 304, 422]

[generation]
max-examples = {EXAMPLES}
no-shrink = true
database = "none"
"""


def run(server: Server, folder: Path) -> tuple[str, dict[str, Any]]:
    """What Schemathesis printed and reported."""
    config, report = folder / "schemathesis.toml", folder / "report.json"
    config.write_text(CONFIG, "utf-8")
    result = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            f"--config-file={config}",
            "run",
            f"{server.url}/schema",
            "--checks=all",
            "--phases=examples,coverage,fuzzing,stateful",
            "--no-color",
            "--report=json",
            f"--report-json-path={report}",
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XUEHENG_URL": server.url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=AT_MOST_S,
        check=False,
    )
    assert report.is_file(), result.stdout
    return result.stdout, json.loads(report.read_text("utf-8"))


def test_every_reply_is_as_described(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve()
    output, report = run(server, tmp_path)
    assert report["exit_code"] == 0, output
    assert report["complete"]
    assert report["operations"]["tested"] == report["operations"]["total"] > 10
    assert {name: phase["status"] for name, phase in report["phases"].items()} == {
        "examples": "success",
        "coverage": "success",
        "fuzzing": "success",
        "stateful": "skip",
    }
    # Had the made-up requests all been refused, the replies to good ones would have gone unseen.
    for operation, phases in report["valid_rates"].items():
        accepted = sum(rates["accepted"] for rates in phases.values())
        rejected = sum(rates["rejected"] for rates in phases.values())
        assert accepted >= ACCEPTED_SHARE * (accepted + rejected) > 0, (operation, phases)
    assert "Traceback" not in server.log.read_text("utf-8")
