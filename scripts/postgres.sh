#!/usr/bin/env bash
# Finds the server programs of PostgreSQL that the tests start, or installs them from the system's packages (Debian,
# Ubuntu), whose own server the tests leave alone: they make a cluster in a temporary folder. HUBTWIN_PG_BIN names
# the folder of another installation's initdb.
set -euo pipefail
found() {
  [ -n "${HUBTWIN_PG_BIN:-}" ] && [ -x "$HUBTWIN_PG_BIN/initdb" ] && return 0
  command -v initdb >/dev/null 2>&1 && return 0
  for folder in /usr/lib/postgresql/*/bin; do [ -x "$folder/initdb" ] && return 0; done
  return 1
}
if found; then exit 0; fi
become=""
[ "$(id -u)" = 0 ] || become="sudo -n"
how="The tests of the larger hub need the server programs of PostgreSQL 14 or newer. On Debian or Ubuntu: sudo apt-get install postgresql; elsewhere install them and set HUBTWIN_PG_BIN to the folder of initdb."
if ! command -v apt-get >/dev/null 2>&1 || ! $become true 2>/dev/null; then
  echo "$how" >&2
  exit 1
fi
echo "installing PostgreSQL from the system's packages (once)" >&2
export DEBIAN_FRONTEND=noninteractive
{ $become apt-get update -qq && $become apt-get install -y -qq --no-install-recommends postgresql; } >/dev/null || { echo "$how" >&2; exit 1; }
