#!/usr/bin/env bash
# Installs the requirements of the tests: a validator for deploy/compose.yaml, a browser for the pages, an MQTT broker,
# Alertmanager and Prometheus as receivers of alerts, and TimescaleDB's Community edition as a WebAssembly server for the
# migration tests.
set -euo pipefail
cd "$(dirname "$0")/../../tests/migration/community"
# shellcheck source=deploy/setup/apt.sh
. ../../../deploy/setup/apt.sh

packages=()
command -v npm >/dev/null || packages+=(nodejs npm)
command -v docker-compose >/dev/null || docker compose version >/dev/null 2>&1 || packages+=(docker-compose)
command -v strace >/dev/null || packages+=(strace)
command -v pgrep >/dev/null || packages+=(procps)
command -v chromium >/dev/null || ! has_candidate chromium || packages+=(chromium)
install_packages "${packages[@]}"

# Real receivers of alerts. Each test starts its own instance, so the services of newly installed packages are stopped.
receivers=()
for package in mosquitto prometheus prometheus-alertmanager; do
    PATH=$PATH:/usr/sbin command -v "$package" >/dev/null || receivers+=("$package")
done
install_packages "${receivers[@]}"
if [ ${#receivers[@]} -gt 0 ] && [ -d /run/systemd/system ]; then
    as_root systemctl disable --quiet --now "${receivers[@]}"
fi

say "installing the Community edition's test server"
npm install --silent --no-fund --no-audit >"$log" 2>&1 || { tail -20 "$log" >&2; fail "npm could not install it"; }
