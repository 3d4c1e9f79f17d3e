#!/usr/bin/env bash
# Prints the path of a Chromium for the browser tests: $CHROMIUM, else one on the PATH, else Debian's, which
# it installs. Installing is the only step of all that needs root.
set -euo pipefail

for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
  if [ -n "$name" ] && path=$(command -v "$name"); then
    echo "$path"
    exit
  fi
done

if ! command -v apt-get >/dev/null; then
  echo "no Chromium found; install one, or name it: CHROMIUM=/path/to/chromium make e2e" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "no Chromium found; as root, run: apt-get install chromium" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "installing chromium with apt-get" >&2
"${as_root[@]}" apt-get update -qq >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >&2
command -v chromium
