#!/usr/bin/env bash
# Installs the Debian packages that the service requires besides PostgreSQL; does nothing if all are installed.
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
