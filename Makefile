# The one way to build, test and run this project. Long logic is in Go programs.

VERSION     ?= v0.1.0-dev
COMPRESSION ?= xz
MEMORY      ?= 1024
APPEND      ?=
FUZZTIME    ?= 30s

B      := build
export GOTOOLCHAIN := auto
# Where make deps puts Go on a machine whose own is missing or too old.
export PATH := $(CURDIR)/build/tools/go/bin:$(PATH)
GO     ?= go
OURS    = -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)'
COMPOSE = $(shell PATH="$(PATH)" $(GO) list -m -f '{{.Version}}' github.com/docker/compose/v2)
SOURCE := $(shell find cmd cloudconfig compose servicectl internal -name '*.go' -not -name '*_test.go' 2>/dev/null) \
	$(shell find internal/osimage/rootfs -type f) cloudconfig/reference.md ros.go os-config.yml go.mod go.sum

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
LINT := $(B)/tools/golangci-lint

.PHONY: test ajv bench torture unit lint fmt update fuzz conformance integration help deps engine programs image packages repro run clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## install what building needs (Debian 12 or 13; asks for sudo unless root)
	@tools/deps

engine: $(B)/engine/built ## build dockerd, docker, containerd's shim and runc

programs: $(B)/ros $(B)/init $(B)/service $(B)/rosmachine ## build ros, init, the services' program and rosmachine

image: $(B)/initrd ## build vmlinuz and initrd: COMPRESSION=xz (small), zstd or fast

packages: $(B)/mkimage $(B)/ros $(B)/init $(B)/service $(B)/engine/built ## look for newer Debian packages and build the image with them
	$(MKIMAGE) -refresh

repro: image ## build the image again elsewhere and compare the bytes
	rm -rf $(B)/repro && mkdir -p $(B)/repro && cp -rl $(B)/packages $(B)/repro/packages
	$(MKIMAGE) -out $(B)/repro
	cmp $(B)/vmlinuz $(B)/repro/vmlinuz
	cmp $(B)/initrd $(B)/repro/initrd
	rm -rf $(B)/repro

test: lint unit conformance integration ## everything that must pass before a commit lands

lint: $(LINT) ## look for mistakes and lapses of style
	$(LINT) run ./...

fmt: $(LINT) ## format the code
	$(LINT) fmt ./...

unit: | deps ## test every package by itself
	$(GO) test ./...

update: | deps ## rewrite the golden files; read the difference before you commit it
	$(GO) test $$(grep -rl --include='*_test.go' -e 'internal/golden"' -e '"update"' . | xargs -n1 dirname | sort -u) -update

conformance: engine ## hold our idea of Docker to a real one, and break a sample of its calls
	ROS_ENGINE_DIR=$(CURDIR)/$(B)/engine $(GO) test -count=1 -tags dockerd ./internal/engine ./internal/engine/enginetest ./internal/engine/torture

integration: image $(B)/rosmachine ## drive real machines; T=NAME runs one test, KEEP=1 leaves its machine up
	ROS_BUILD=$(CURDIR)/$(B) $(GO) test -count=1 -tags integration -timeout 60m $(if $(T),-run '$(T)') -v ./integration

ajv: $(B)/ros ## hold the JSON Schema of cloud-configs to a validator from npm (needs node)
	@mkdir -p $(B)/ajv && cp tools/ajv/* $(B)/ajv
	npm --prefix $(B)/ajv ci --no-audit --no-fund
	node $(B)/ajv/compare.mjs $(B)/ros $(CURDIR)

torture: engine image $(B)/rosmachine ## inject every fault there is into a real engine and a machine, for hours; prints the tables of docs/reliability.md; T=NAME runs one test
	ROS_ENGINE_DIR=$(CURDIR)/$(B)/engine $(GO) test -count=1 -tags dockerd -timeout 24h $(if $(T),-run '$(T)') -v ./internal/engine/torture -long
	ROS_BUILD=$(CURDIR)/$(B) $(GO) test -count=1 -tags integration -timeout 24h -run '$(or $(T),^TestSoak$$)' -v ./integration -operations 10000

bench: image $(B)/rosmachine ## measure boots and convergence, and judge nothing; SIZES=1,10 chooses the numbers of services
	tools/deps bench
	ROS_ENGINE_DIR=$(CURDIR)/$(B)/engine $(GO) test -run '^$$' -tags dockerd -bench . ./internal/engine
	ROS_ENGINE_DIR=$(CURDIR)/$(B)/engine $(GO) test -run '^$$' -tags dockerd -bench . -benchtime 1x -timeout 1h ./internal/engine/bench $(if $(SIZES),-sizes $(SIZES))
	$(GO) test -run '^$$' -bench . ./cloudconfig ./compose ./servicectl/plan
	ROS_BUILD=$(CURDIR)/$(B) $(GO) test -count=1 -tags 'integration bench' -run '^TestBench$$' -timeout 60m -v ./integration

fuzz: | deps ## fuzz every parser, FUZZTIME each: a time, or a number such as 10000000x
	@for p in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for f in $$(grep -ho '^func Fuzz[A-Za-z]*' $$p/*_test.go | cut -c6-); do \
			$(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$p || exit 1; done; done

run: image $(B)/rosmachine ## boot the image in QEMU with a console here (ctrl-a x ends it); MEMORY=MiB, APPEND="kernel parameters", such as loglevel=7 to see the kernel
	tools/run $(B) $(MEMORY) '$(APPEND)'

clean: ## remove all that was built
	rm -rf $(B)

MKIMAGE = $(B)/mkimage -out $(B) -engine $(B)/engine -init $(B)/init -service $(B)/service -ros $(B)/ros -version $(VERSION) -compression $(COMPRESSION)

$(B)/engine/built: tools/engine/go.mod tools/engine/go.sum internal/osimage/engine.go | $(B)/mkimage
	$(B)/mkimage engine -out $(B)/engine
	@touch $@

$(B)/mkimage: $(SOURCE) | deps
	$(GO) build -trimpath -buildvcs=false -o $@ ./cmd/mkimage

$(LINT): tools/go.mod tools/go.sum | deps
	$(GO) -C tools build -trimpath -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(B)/rosmachine: $(SOURCE) | deps
	CGO_ENABLED=0 $(GO) build $(OURS) -o $@ ./cmd/rosmachine

$(B)/slim/go.mod: go.mod go.sum tools/slim | deps
	GO=$(GO) tools/slim $(B)/slim

$(B)/ros: $(SOURCE) $(B)/slim/go.mod | deps
	CGO_ENABLED=0 $(GO) build -modfile $(B)/slim/go.mod -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION) -X main.compose=$(COMPOSE) -X github.com/docker/compose/v2/internal.Version=$(COMPOSE)' -o $@ ./cmd/ros

$(B)/init: $(SOURCE) | deps
	CGO_ENABLED=0 $(GO) build $(OURS) -o $@ ./cmd/init

$(B)/service: $(SOURCE) | deps
	CGO_ENABLED=0 $(GO) build $(OURS) -o $@ ./cmd/service

$(B)/initrd: $(B)/mkimage $(B)/ros $(B)/init $(B)/service $(B)/engine/built os-config.yml
	$(MKIMAGE)
