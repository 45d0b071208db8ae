#!/usr/bin/env bash
# The Debian packages that the service and its tests need; does nothing when all are there.
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
# npm brings the Community edition's test server, docker-compose checks deploy/compose.yaml.
command -v npm >/dev/null || packages+=(nodejs npm)
command -v docker-compose >/dev/null || docker compose version >/dev/null 2>&1 || packages+=(docker-compose)

install_packages "${packages[@]}"
