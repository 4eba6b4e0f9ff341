#!/usr/bin/env bash
# Finds the browser of the browser tests, or installs it from the system's packages (Debian, Ubuntu). Chinese texts need
# a font with their characters. HUBTWIN_CHROMIUM names another Chromium.
set -euo pipefail
found() {
  [ -n "${HUBTWIN_CHROMIUM:-}" ] && [ -x "$HUBTWIN_CHROMIUM" ] && return 0
  for name in chromium chromium-browser google-chrome; do command -v "$name" >/dev/null 2>&1 && return 0; done
  return 1
}
has_font() { ! command -v fc-list >/dev/null 2>&1 || [ -n "$(fc-list :lang=zh family 2>/dev/null | head -1)" ]; }
if found && has_font; then exit 0; fi
become=""
[ "$(id -u)" = 0 ] || become="sudo -n"
how="The browser tests need Chromium and a font for Chinese. On Debian or Ubuntu: sudo apt-get install chromium fonts-noto-cjk; elsewhere install Chromium and set HUBTWIN_CHROMIUM to its path."
if ! command -v apt-get >/dev/null 2>&1 || ! $become true 2>/dev/null; then
  echo "$how" >&2
  exit 1
fi
echo "installing Chromium and a font for Chinese from the system's packages (once)" >&2
export DEBIAN_FRONTEND=noninteractive
{ $become apt-get update -qq && $become apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk; } >/dev/null || { echo "$how" >&2; exit 1; }
