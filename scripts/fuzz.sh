#!/usr/bin/env bash
# Runs every fuzz target for FUZZTIME (default 30s). PKG names packages (default ./...).
set -euo pipefail

# shellcheck disable=SC2086 # a list
for package in $(go list ${PKG:-./...}); do
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    echo "--- $package $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" "$package"
  done
done
