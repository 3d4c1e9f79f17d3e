#!/usr/bin/env bash
# Starts the built product with demo traffic on free ports and an empty data directory, and runs the
# browser tests against it. Its log is shown if they fail.
set -euo pipefail

CHROMIUM=$(scripts/chromium.sh)
export CHROMIUM

work=$(mktemp -d)
pid=
finish() {
  status=$?
  if [ -n "$pid" ]; then
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  fi
  if [ "$status" -ne 0 ]; then
    echo "--- the end of faultline's log" >&2
    tail -n 40 "$work/log" >&2 || true
  fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT

any=127.0.0.1:0
bin/faultline up --demo --data-dir "$work/data" \
  --listen $any --otlp-grpc $any --otlp-http $any --admin $any >"$work/ready" 2>"$work/log" &
pid=$!

for _ in $(seq 600); do
  grep -q '^faultline ready' "$work/ready" && break
  kill -0 "$pid" 2>/dev/null || { pid=; echo "faultline did not start" >&2; exit 1; }
  sleep 0.1
done
FAULTLINE_URL=$(sed -nE 's/^faultline ready .*ui=([^ ]+).*/\1/p' "$work/ready")
[ -n "$FAULTLINE_URL" ] || { echo "faultline was not ready within a minute" >&2; exit 1; }
export FAULTLINE_URL

cd web/ui && npm run --silent e2e
