#!/bin/sh
# Opens the app, or without a terminal (a pipe, CI) runs the tour: two questions answered headless.
cd "$(dirname "$0")/.." || exit 1
if [ -t 0 ] && [ -t 1 ]; then
  exec .venv/bin/llm-study "$@"
fi
case "${1:-}" in
  "" | --data-dir* | --engine* | --model* | --lang* | --session*) exec .venv/bin/llm-study "$@" tour ;;
  *) exec .venv/bin/llm-study "$@" ;;
esac
