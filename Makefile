# One profile and one selection for everything, so that dependencies are built once: --release --workspace.
# `make` alone says what there is.

CARGO_BUILD = cargo build --release --workspace
SLUICEBOX = $(or $(CARGO_TARGET_DIR),target)/release/sluicebox

.PHONY: help setup build guests demo test sim planted bench poison soak endurance partitions many-files chaos storm lambda-storm cold-start lambda-zip image-root release terraform-test helm-test lint

help: ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: ## fetch what the build and the tests need
	@tests/setup/doctor tests

build: ## the sluicebox binary, target/release/sluicebox
	@tests/setup/doctor
	$(CARGO_BUILD)

guests: build ## the sample transforms and the tests' transforms, target/guests/*.wasm
	@tests/setup/guests $(SLUICEBOX)

demo: build ## 50,000 orders with poison among them, killed in the middle, nothing lost
	$(SLUICEBOX) demo

test: ## every test, with a real three-broker Kafka; ends with: N passed, N failed, N skipped
	@tests/setup/doctor tests
	@tests/run

sim: guests ## the real walk in SEEDS=1000 simulated worlds of crashes, zombies and lost responses; SEED=4711 tells one
	$(CARGO_BUILD) --example simulation
	$(dir $(SLUICEBOX))examples/simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000))

planted: guests ## plant bugs into a copy of the tree, one active at a time, and count the simulated worlds that notice; BUG=name
	@tests/planted/plant
	cd $(or $(CARGO_TARGET_DIR),target)/planted/tree && CARGO_TARGET_DIR=$(abspath $(or $(CARGO_TARGET_DIR),target)) $(CARGO_BUILD) --example planted
	$(dir $(SLUICEBOX))examples/planted $(foreach bug,$(BUG),--bug $(bug))

bench: build ## ns a record: the boundary, each transform in the sandbox against native, the whole walk
	$(SLUICEBOX) bench

poison: ## what bad records cost in the sandbox: a table of kinds and shares, relative to good records alone
	$(CARGO_BUILD) --example poison
	$(dir $(SLUICEBOX))examples/poison

soak: guests setup ## 5 million records through a real Kafka, memory and CPU sampled
	$(CARGO_BUILD) --examples
	$(dir $(SLUICEBOX))examples/soak

endurance: guests setup ## 20,000 flushes into one table: the last must cost what the first did, in time, requests and memory
	$(CARGO_BUILD) --examples
	$(dir $(SLUICEBOX))examples/endurance $(FLUSHES)

many-files: guests ## a commit of 100,000 files, and flushes beside them: time and memory
	$(CARGO_BUILD) --example many_files
	$(dir $(SLUICEBOX))examples/many_files $(FILES)

partitions: guests setup ## 5,000 partitions on one worker: the start, its requests, a take-over; and the rate of 512 against 4
	$(CARGO_BUILD) --examples
	$(dir $(SLUICEBOX))examples/partitions $(PARTITIONS)

chaos: guests setup ## kill processes and brokers, stop and wake them, break S3, for CHAOS_MINUTES=20; SEED=n to choose
	$(CARGO_BUILD) --example chaos
	$(dir $(SLUICEBOX))examples/chaos $(or $(CHAOS_MINUTES),20) $(SEED)

storm: guests setup ## what a rebalance every two seconds for two minutes costs
	$(CARGO_BUILD) --example storm
	$(dir $(SLUICEBOX))examples/storm

lambda-storm: guests setup ## RECORDS=200000 through the Lambda function, with lost answers, time-outs, kills, halved and doubled batches
	$(CARGO_BUILD) --bins --example lambda_storm
	$(dir $(SLUICEBOX))examples/lambda_storm $(or $(RECORDS),200000) $(SEED)

cold-start: guests setup lambda-zip ## what a cold start of the zip's function costs, against a hello world in the same run
	$(CARGO_BUILD) --bins --example cold_start --example hello_lambda
	SLUICEBOX_BOOTSTRAP=$(abspath $(or $(CARGO_TARGET_DIR),target))/lambda/bootstrap $(dir $(SLUICEBOX))examples/cold_start $(ROUNDS)

lambda-zip: ## the function for Lambda, target/lambda/bootstrap.zip; ARCH=arm64 for the other processor, bootstrap-arm64.zip
	@tests/setup/doctor
	@ARCH=$(ARCH) infra/lambda/zip

image-root: guests ## the root of a container image, target/image-root, tried without a container engine; ARCH=arm64: image-root-arm64
	@ARCH=$(ARCH) infra/container/root
	@ARCH=$(ARCH) infra/container/try-root

release: ## archives of the command, the zips, the image's root, the SDK's crates and SHA256SUMS, tried; RELEASE_HOME; ARCHITECTURES="x86_64 arm64"
	@tests/setup/doctor
	@ARCHITECTURES="$(ARCHITECTURES)" infra/release

terraform-test: ## infra/terraform, checked without a network and without AWS; the last lines say what was not checked
	@tests/terraform/run

helm-test: ## infra/helm, checked without a cluster against three Kubernetes versions; the last lines say what was not checked
	@tests/helm/run

lint: ## formatting, spelling, clippy, and the dependencies' licences and advisories; unused ones and dead features: tests/tidy
	cargo fmt --all --check
	@tests/setup/doctor lints
	@if [ -x $(or $(CARGO_TARGET_DIR),target)/lints/bin/typos ]; then $(or $(CARGO_TARGET_DIR),target)/lints/bin/typos; fi
	cargo clippy --release --workspace --all-targets -- -D warnings
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --workspace check; \
	else echo "not checked: licences and advisories; cargo-deny is not installed"; fi
