# festoon: two commands do it all.
#   make demo          get what is missing, build, paint a campaign, serve it      (ONCE=1: check every clip, then stop)
#   make test          get what is missing, run every test
# Beside them: make setup | lint | bench | bench-NAME | load | chaos | fuzz | train | judge | mutate-wan | docs | clients | sheets | beds
# | clean. What is downloaded goes to third_party/, Python for the training to the user's cache.

CARGO ?= cargo
PYTHON ?= python3
ONCE ?=
PORT ?= 8080
RENDERERS ?= 1
FETCH := sh scripts/system-packages.sh run && $(PYTHON) scripts/fetch-libtorch.py auto
BENCHES := edge film motion plate typing wan

.PHONY: help demo test test-training chaos fuzz train judge setup setup-test lint bench $(BENCHES:%=bench-%) load mutate-wan docs \
	clients sheets beds clean

help:
	@sed -n '2,5s/^# *//p' Makefile

setup:
	@$(FETCH)

setup-test: setup
	@sh scripts/system-packages.sh test
	@sh scripts/node-packages.sh tests/browser third_party/browser-tests
	@sh scripts/node-packages.sh clients/typescript
	@$(PYTHON) scripts/python-environment.py clients/python/requirements.txt >/dev/null

# In one shell, so that the table of phases at the end has those before festoon itself.
demo:
	@began=$$(date +%s); $(FETCH) && fetched=$$(date +%s) \
	&& $(CARGO) build --release --locked -p festoon -p festoon-renderer && built=$$(date +%s) \
	&& exec target/release/festoon up --port $(PORT) --renderers $(RENDERERS) \
		--campaign config/campaigns/demo.toml $(if $(ONCE),--once) \
		--before "what is missing fetched=$$((fetched - began))" --before "built=$$((built - fetched))"

test: setup-test
	$(CARGO) build --locked --workspace --bins
	$(CARGO) test --locked --workspace
	$(MAKE) test-training

# The training's arithmetic, and a run of seconds through all its stages.
test-training:
	PYTHONPATH=training OMP_NUM_THREADS=1 $$($(PYTHON) scripts/python-environment.py) -W ignore -m unittest discover -s training/tests

# Kills the server 200 times while everything is written; minutes. FESTOON_CHAOS_KILLS=1000 kills more often, FESTOON_CHAOS_SEED=N
# repeats a run's choices. Writes target/chaos/.
chaos: setup
	$(CARGO) test --locked -p festoon --test festoon -- --ignored --exact chaos::two_hundred_kills --nocapture

# Ten minutes of made-up input for each reader of strangers' bytes; SECONDS=60 takes less.
SECONDS ?= 600
fuzz: setup
	@sh scripts/fuzz.sh $(SECONDS)

# Trains models/default; goes on where it was stopped. Hours on two cores, less than an hour with a GPU.
train: setup
	$(CARGO) build --release --locked -p festoon-renderer
	PYTHONPATH=training $$($(PYTHON) scripts/python-environment.py) -W ignore -m festoon_training train

# What models/default can do, gate by gate.
judge: setup
	$(CARGO) build --release --locked -p festoon-renderer
	PYTHONPATH=training $$($(PYTHON) scripts/python-environment.py) -W ignore -m festoon_training judge

lint: setup
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	target/debug/festoon check templates 2>/dev/null || $(CARGO) run -q --locked -- check templates
	@sh scripts/lint-files.sh

bench: $(BENCHES:%=bench-%)

# A personal clip, composed; beside ffmpeg and Remotion.
bench-film: setup
	$(CARGO) build --release --locked -p festoon-film --example bench_film
	$(PYTHON) scripts/bench-film.py

# A hit beside nginx and Varnish: processor time, latency, what stalled readers cost, and an index of a million entries.
bench-edge: setup
	@sh scripts/system-packages.sh bench-edge
	$(CARGO) build --release --locked -p festoon --bin festoon --example bench_edge
	target/release/examples/bench_edge

# Hits while thousands of connections idle, crawl and attack. Stays on this machine, half a minute.
load: setup
	$(CARGO) build --release --locked -p festoon --bin festoon --example bench_edge
	target/release/examples/bench_edge held

# CPU seconds per motif; beside Remotion and ffmpeg's filters.
bench-motion: setup
	$(CARGO) build --release --locked -p festoon-motion --example bench_motion
	$(PYTHON) scripts/bench-motion.py

# One plate by models/default, stage by stage; its scaling and interpolating beside ffmpeg's.
bench-plate: setup
	$(CARGO) build --release --locked -p festoon-renderer --bins --example bench_plate
	$(PYTHON) scripts/bench-plate.py

# From a keystroke to the first picture with the title, in a browser; beside players that fetch a clip whole.
bench-typing: setup-test
	$(CARGO) build --release --locked -p festoon -p festoon-renderer
	node bench/typing.mjs

# crates/wan beside diffusers, on the same weights.
bench-wan: setup
	$(CARGO) build --release --locked -p festoon-wan --example bench_wan
	$(PYTHON) scripts/bench-wan.py

# Makes 31 mistakes in copies of crates/wan, one at a time: each must be caught.
mutate-wan: setup
	$(PYTHON) scripts/mutate-wan.py

# The page of the motifs and its pictures, in docs/motion; every template with its titles, in docs/titles.
sheets: setup
	$(CARGO) run --release --locked -p festoon-motion --example sheet -- docs/motion
	$(CARGO) build --release --locked -p festoon -p festoon-renderer
	target/release/festoon check templates --sheet docs/titles/locales.jpg --ratio 16:9
	target/release/festoon check templates --sheet docs/titles/ratios.jpg --locale en

# The music of the templates, bed.ogg in their folders: synthesised by code.
beds: setup
	$(CARGO) run --release --locked -p festoon-film --example beds -- templates

# What is generated in clients/, from docs/openapi.json.
clients:
	@sh scripts/node-packages.sh clients/typescript
	$$($(PYTHON) scripts/python-environment.py clients/python/requirements.txt) scripts/clients.py

# The reference pages that are made from the code; `make clients` follows if docs/openapi.json changed.
docs:
	$(CARGO) run -q --locked -- check --reference > docs/templates.md
	FESTOON_WRITE_DOCS=1 $(CARGO) test -q --locked -p festoon --test festoon -- http::documents http::openapi::the_kept
	$(CARGO) run -q --locked -- man --markdown > docs/commands.md

clean:
	$(CARGO) clean
