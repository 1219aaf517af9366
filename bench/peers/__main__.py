"""`make bench-peers`: other engines on the same rules, each in a process of its own; what is missing is named."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench import checks, synthetic, workloads
from bench.peers.run import BLOCK, ENGINES, VECTORS
from bench.report import Report

RESULTS = "peers.json"
PACKAGES = ("msgspec", "numpy")
COMPARED = 2_000
"""Subjects whose codes are compared with the reference's before anything is timed."""
TIMES_VECTORS, TIMES_ENGINES, TIMES_JSON = 3, 1_000, 30
PEER_SECONDS = 280


def main() -> int:
    """Measure the peers. Exit code 1 where answers disagree or a stated ratio is missed."""
    parser = argparse.ArgumentParser(prog="bench.peers", description=__doc__)
    parser.add_argument("--workload", default=workloads.SCHOOLS, choices=tuple(workloads.WORKLOADS))
    parser.add_argument("--only", action="append", choices=(*VECTORS, *ENGINES), help="one peer (may be repeated)")
    options = parser.parse_args()
    report = Report(RESULTS, PACKAGES)
    workload = workloads.load(options.workload)
    columns = synthetic.columns(workload.program, len(workload.contexts), BLOCK)
    wanted = checks.expected(workload, columns, COMPARED)
    sound = True
    with tempfile.TemporaryDirectory() as folder:
        expected = Path(folder) / "expected.npy"
        np.save(expected, wanted)
        for peer in options.only or (*VECTORS, *ENGINES):
            found = _run(peer, options.workload, expected)
            sound = _add(report, peer, workload, found) and sound
    report.print()
    if options.only is None and options.workload == workloads.SCHOOLS:
        report.write()
    return 0 if sound and report.holds else 1


def _run(peer: str, workload: str, expected: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.peers.run", peer, workload, str(expected)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=PEER_SECONDS)
    except subprocess.TimeoutExpired:
        return {"failed": f"took longer than {PEER_SECONDS} seconds"}
    if done.returncode != 0:
        return {"failed": f"ended with code {done.returncode}"}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _add(report: Report, peer: str, workload: workloads.Workload, found: dict[str, Any]) -> bool:
    """The rows of a peer. False when it was there and its answers or its run were wrong."""
    section = f"{peer} {found.get('version', '')}".strip()
    for trouble in ("missing", "disagrees", "failed"):
        if trouble in found:
            report.remark(section, f"{trouble}: {found[trouble]}")
            return trouble == "missing"
    rules = len(workload.program.rules)
    report.remark(
        section,
        f"{workload.name}: says {found['rules']} of {rules} rules, {found['compared']:,} verdicts compared, "
        f"{found['inexact']:,} of them otherwise on a limit",
    )
    for rule, cause in found["left_out"]:
        report.remark(section, f"left out: {rule}: {cause}")
    report.add(section, f"columns, {found['records']:,} records", found["columns"] / 1e6, "M verdicts/s")
    report.add(section, "kernel on the same columns", found["kernel"] / 1e6, "M verdicts/s")
    least = TIMES_VECTORS if peer in VECTORS else TIMES_ENGINES
    report.add(section, "kernel / columns", found["kernel"] / found["columns"], "×", at_least=least)
    if "json" in found:
        report.add(section, f"from JSON to JSON ({found['rules']} rules)", found["json"], "records/s")
        report.add(section, f"the service's batch, same body ({rules} rules)", found["own_json"], "records/s")
        # Per verdict: a peer that leaves rules out has less to do.
        ratio = found["own_json"] * rules / (found["json"] * found["json_rules"])
        report.add(section, "service / from JSON, verdicts per second", ratio, "×", at_least=TIMES_JSON)
    return True


if __name__ == "__main__":
    sys.exit(main())
