#!/usr/bin/env bash
# Creates the Python environment .venv with hash-locked packages and the project as an editable install.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/setup/apt.sh
. deploy/setup/apt.sh

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old: pdm needs Python 3.11 or newer; name one with PYTHON=/path/to/python3 make setup"

if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    say "making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi
quiet=(--quiet --disable-pip-version-check --no-input)
say "installing the locked Python packages"
.venv/bin/python -m pip install "${quiet[@]}" --require-hashes -r deploy/requirements-dev.lock
.venv/bin/python -m pip install "${quiet[@]}" --no-deps --no-build-isolation -e .
say "compiling the feature kernels"
.venv/bin/python -m features.compile >"$log" 2>&1 || { tail -20 "$log" >&2; fail "the feature kernels do not compile"; }
