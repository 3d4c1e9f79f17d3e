#!/usr/bin/env bash
# Says which of the tools that a build needs are missing or too old, all at once.
set -euo pipefail

missing=()

# at_least HAVE WANT is true if version HAVE is WANT or later.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

want_go=$(awk '$1 == "go" {print $2}' go.mod)
if ! command -v go >/dev/null; then
  missing+=("Go $want_go or later: https://go.dev/dl/")
elif have=$(GOTOOLCHAIN=local go env GOVERSION) && ! at_least "${have#go}" "1.21"; then
  # From 1.21 on, Go fetches the toolchain that go.mod asks for by itself.
  missing+=("Go $want_go or later (here: ${have#go}): https://go.dev/dl/")
fi

want_node=20.19.0
if ! command -v node >/dev/null; then
  missing+=("Node.js $want_node or later: https://nodejs.org")
elif have=$(node --version) && ! at_least "${have#v}" "$want_node"; then
  missing+=("Node.js $want_node or later (here: ${have#v}): https://nodejs.org")
fi
command -v npm >/dev/null || missing+=("npm, which comes with Node.js")

if [ ${#missing[@]} -gt 0 ]; then
  echo "To build Faultline, install first:" >&2
  printf '  - %s\n' "${missing[@]}" >&2
  exit 1
fi
