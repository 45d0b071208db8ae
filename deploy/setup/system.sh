#!/usr/bin/env bash
# The Debian packages that the service needs besides PostgreSQL; does nothing when all are there.
set -euo pipefail
# shellcheck source=deploy/setup/apt.sh
. "$(dirname "$0")/apt.sh"

packages=(ca-certificates libgomp1)
python=${PYTHON:-python3}
if ! command -v "$python" >/dev/null; then
    packages+=(python3 python3-venv)
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    packages+=(python3-venv)
fi

install_packages "${packages[@]}"
