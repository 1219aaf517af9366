#!/bin/sh
# Writes the lock files from pyproject.toml. Called by `make lock`; arguments go to uv (`--upgrade`).
# The files hold names, versions and hashes and no place to fetch from: whoever installs uses the index and mirrors
# of their own pip configuration, and the hashes decide whether what came is right.
set -eu
cd -- "$(dirname -- "$0")/.."
unset UV_FIND_LINKS
compile() {
    # One version for both Pythons (fewest): what is tested on one is what runs on the other.
    .venv/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 --fork-strategy fewest \
        --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --annotation-style line "$@"
}
compile --group build --output-file requirements/build.txt "$@"
compile pyproject.toml --constraints requirements/build.txt --output-file requirements/run.txt "$@"
compile pyproject.toml --group dev --constraints requirements/build.txt --constraints requirements/run.txt \
    --output-file requirements/dev.txt "$@"
compile --group lock --constraints requirements/dev.txt --output-file requirements/lock.txt "$@"
compile pyproject.toml --group peers --constraints requirements/build.txt --constraints requirements/dev.txt \
    --output-file requirements/peers.txt "$@"
