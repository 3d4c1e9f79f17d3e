#!/usr/bin/env bash
# Runs the Go tests, with the race detector where a C compiler is there for it.
# PKG names packages (default ./...), TESTFLAGS adds flags.
set -euo pipefail

race=()
if command -v "$(go env CC)" >/dev/null; then
  export CGO_ENABLED=1
  race=(-race)
else
  echo "no C compiler ($(go env CC)): testing without the race detector" >&2
fi

# shellcheck disable=SC2086 # both are lists
go test "${race[@]}" -timeout 20m ${TESTFLAGS:-} ${PKG:-./...}
