#!/bin/sh
# Usage: install.sh run|dev|lock|peers
# Finds a Python that can build the project and lets install.py bring `.venv` (`.venv-peers`) up to date with it.
# PYTHON names the interpreter to use instead of searching.
set -eu
cd -- "$(dirname -- "$0")/.."
kind=${1:?usage: install.sh run|dev|lock|peers}

# A shim may exist whose interpreter does not, and a distribution may ship Python without venv or
# without its C headers: so a candidate is run, never only looked up.
probe='
import sys
if not (3, 11) <= sys.version_info[:2] < (3, 13):
    sys.exit("is Python %d.%d" % sys.version_info[:2])
import os, sysconfig
try:
    import ensurepip, venv
except ImportError:
    sys.exit("has no venv module (on Debian: install python%d.%d-venv)" % sys.version_info[:2])
if not os.path.isfile(os.path.join(sysconfig.get_path("include"), "Python.h")):
    sys.exit("has no C headers (on Debian: install python%d.%d-dev)" % sys.version_info[:2])
'

if [ -n "${PYTHON:-}" ]; then
    set -- "$PYTHON"
elif [ -x .venv/bin/python ]; then
    set -- .venv/bin/python python3.11 python3.12 python3 python
else
    set -- python3.11 python3.12 python3 python
fi
refused=
for candidate; do
    if reason=$("$candidate" -I -c "$probe" 2>&1); then
        exec "$candidate" -I requirements/install.py "$kind"
    fi
    refused="$refused
  $candidate: $(printf '%s\n' "$reason" | head -n 1)"
done
echo "error: found no Python 3.11 or 3.12 that can build the project; tried$refused" >&2
echo "help: install Python 3.11 or 3.12 with venv and headers, or name one: make PYTHON=/path/to/python3.11" >&2
exit 1
