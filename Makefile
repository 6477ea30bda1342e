# knat: the commands of the checkout. `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PATH := $(PATH):/usr/sbin:/sbin
export PATH

.PHONY: help setup setup-checks setup-tests build generate check format demo test image test-image test-image-archive conformance scenarios soak others what-if chaos chaos-bugs bench bench-scale clean test-cluster

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

setup: ## install what this machine lacks (Debian and npm packages)
	@./scripts/setup

setup-checks:
	@./scripts/setup --checks

setup-tests:
	@./scripts/setup --tests

build: setup ## compile the program to dist/
	@npm run --silent build

generate: setup ## write the generated files: CustomResourceDefinitions, plain manifests, docs/crds.md
	@npm run --silent generate

check: setup-checks ## check format, lint, types, architecture, dead code, shell; with BASE=… also the commits after it
	@./scripts/check $(BASE)

format: setup ## format all files in place
	@npm run --silent format

demo: build ## send real packets through all three kinds of NAT, in network namespaces of this machine
	@./bin/knat demo

test: setup-tests build ## run checks and all tests, root needed
	@./scripts/test

test-image: setup ## build the image's file system with debootstrap and run knat in it (5 minutes), root needed
	@./scripts/test-image

image: build ## make the image as an archive, dist/knat-VERSION-ARCH.oci.tar, without a container engine (ARCH=amd64 or arm64)
	@./scripts/make-image $(ARCH)

test-image-archive: build ## make the image as an archive, import it with containerd and send packets through its agent (5 minutes), root needed
	@./scripts/test-image-archive

test-cluster: build ## test the Kubernetes source against etcd and kube-apiserver in KUBEBUILDER_ASSETS, else the simulator
	@npm run --silent test:cluster
	@if [[ $$(id -u) == 0 ]]; then npm run --silent test:cluster-packets; \
	else echo 'skipped: test/cluster/packets.kernel.test.ts, which needs root for network namespaces'; fi

conformance: setup ## run kube-proxy's flows through explain and through the kernel (FILE=… for another file), root needed
	@npm run --silent conformance -- $(if $(FILE),--file '$(FILE)')

scenarios: setup ## run scenario files through explain, and as root with real packets (FILE=… for your own)
	@npm run --silent scenarios -- $(if $(FILE),'$(FILE)')

# Sequences are counted in runs: each kind about as many as fit into a third of the time.
soak: setup ## random tests for 30 minutes: manifests against the oracles, the kernel against explain (MINUTES=… for the first half), root needed
	@KNAT_SEED=random KNAT_ORACLE_RUNS=5000 npm run --silent test:unit -- test/conformance/oracle
	@$(eval M := $(or $(MINUTES),15)) KNAT_SEED=random KNAT_RANDOM_MINUTES=$(M) KNAT_SEQUENCE_RUNS=$$(($(M) * 5)) KNAT_CONNECTION_RUNS=$$(($(M) * 3)) KNAT_EGRESS_RUNS=$$(($(M) * 15)) \
	  npm run --silent test:kernel -- --no-file-parallelism test/conformance/random.kernel.test.ts test/conformance/sequences.kernel.test.ts test/conformance/connections.kernel.test.ts test/conformance/egress.kernel.test.ts

others: setup ## random rules of other programs beside ours, and packets: explain says what happens (RUNS=… states, SEED=… of a report), root needed
	@KNAT_OTHERS_RUNS=$(or $(RUNS),500) KNAT_SEED=$(or $(SEED),random) npm run --silent test:kernel -- test/conformance/others.kernel.test.ts

what-if: setup ## a million random packets, with progress: a class of what-if holds one if and only if explain's answer differs (RUNS=… pairs of states)
	@KNAT_WHAT_IF_RUNS=$(or $(RUNS),2600) npm run --silent test:unit -- src/what-if/search.property.test.ts

chaos-bugs: build ## bugs that kube-proxy once had, put back one by one: the faults must find each, root needed
	@npm run --silent chaos-bugs

chaos: build ## random faults against an agent with traffic (FAULTS=… of them, SEED=…, ONLY=… to repeat one, FROM=…, WORKERS=…, KINDS=…, SOURCE=…), root needed
	@npm run --silent chaos -- $(if $(FAULTS),--faults '$(FAULTS)') $(if $(SEED),--seed '$(SEED)') $(if $(ONLY),--only '$(ONLY)') $(if $(FROM),--from '$(FROM)') \
	  $(if $(WORKERS),--workers '$(WORKERS)') $(if $(KINDS),--kinds '$(KINDS)') $(if $(SOURCE),--source '$(SOURCE)') $(if $(REPORT),--report '$(REPORT)')

bench: build ## run the benchmarks against the real kernel
	@npm run --silent bench:sync
	@npm run --silent bench:heal
	@npm run --silent bench:pools
	@npm run --silent bench:connect

bench-scale: build ## measure the sizes that other projects published (15 minutes) and write docs/performance.md, root needed
	@npm run --silent bench:scale -- --document

.PHONY: starve
starve: build ## clients, objects and connections that take all they can: NAT goes on (10 minutes; REPORT=FILE keeps the figures), root needed
	@KNAT_STARVE=long KNAT_STARVE_REPORT=$(or $(REPORT),/dev/null) npm run --silent test:kernel -- test/starve

clean: ## remove built files and packages
	@rm -rf dist node_modules
