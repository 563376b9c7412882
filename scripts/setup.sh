#!/bin/sh
# Finds a Python 3.11 or newer and hands over to setup.py. POSIX sh, so that it runs before anything is installed.
# The environment's own interpreter comes first: when all is in place, that answers in a few hundredths of a second.
cd "$(dirname "$0")/.." || exit 1
for python in .venv/bin/python python3.13 python3.12 python3.11 python3 python3.14 python; do
  # A version manager's stub may exist and still not run: only an answer counts.
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    exec "$python" scripts/setup.py "$@"
  fi
done
echo "LLM Study needs Python 3.11 or newer and found none: install it (for example the package python3) and run this again." >&2
exit 1
