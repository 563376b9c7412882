# LLM Study. Works with the make 3.81 and the BSD tools of macOS as with GNU's.
#   make run  [ARGS="--lang ko"]          set up once, then open the app (without a terminal: the headless tour)
#   make test [ARGS="-m 'not slow'"]      set up once, then run the tests, three files at a time
SHELL = /bin/sh
ARGS =

.PHONY: run test check clean

run:
	@sh scripts/setup.sh
	@sh scripts/run.sh $(ARGS)

test:
	@sh scripts/setup.sh test
# Three at a time on two cores: many wait for an engine or a terminal. In the order of the folders, those that take long begin.
	@.venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

# What CI asks of the code besides the tests.
check:
	@sh scripts/setup.sh test check
	@sh scripts/check.sh

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .benchmarks
