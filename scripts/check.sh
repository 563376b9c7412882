#!/bin/sh
# Style, types and layers. Runs every check, names those that failed, and is non-zero if any did.
cd "$(dirname "$0")/.." || exit 1
failed=""
check() {
  name=$1
  shift
  printf '== %s\n' "$name"
  "$@" || failed="$failed $name;"
}
check "ruff check" .venv/bin/ruff check --no-cache .
check "ruff format" .venv/bin/ruff format --no-cache --check --line-length 110 .
check "mypy --strict core" .venv/bin/mypy --strict
check "import-linter" .venv/bin/lint-imports --no-cache
check "catalogues" .venv/bin/python scripts/check_catalogues.py
if [ -n "$failed" ]; then
  printf 'failed:%s\n' "$failed"
  exit 1
fi
echo "all checks passed"
