#!/usr/bin/env bash
# The Community edition of TimescaleDB as a WebAssembly server, for the tests in tests/migration.
set -euo pipefail
cd "$(dirname "$0")/../../tests/migration/community"
# shellcheck source=deploy/setup/apt.sh
. ../../../deploy/setup/apt.sh

say "installing the Community edition's test server"
npm install --silent --no-fund --no-audit >"$log" 2>&1 || { tail -20 "$log" >&2; fail "npm could not install it"; }
