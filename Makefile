# The one way to build, test and run this project. Long logic is in Go programs.

VERSION     ?= v0.1.0-dev
COMPRESSION ?= xz
MEMORY      ?= 1024
APPEND      ?=

B      := build
export GOTOOLCHAIN := auto
GO     ?= go
OURS   := -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)'
SOURCE := $(shell find cmd cloudconfig compose servicectl internal -name '*.go' -not -name '*_test.go' 2>/dev/null) \
	$(shell find internal/osimage/rootfs -type f) go.mod go.sum

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help deps engine programs image packages repro run clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## install what building needs (Debian 12 or 13; asks for sudo unless root)
	@tools/deps

engine: $(B)/engine/built ## build dockerd, docker, containerd's shim and runc

programs: $(B)/ros $(B)/init $(B)/rosmachine ## build ros, init and rosmachine

image: $(B)/initrd ## build vmlinuz and initrd: COMPRESSION=xz (small), zstd or fast

packages: $(B)/mkimage $(B)/ros $(B)/init $(B)/engine/built ## look for newer Debian packages and build the image with them
	$(MKIMAGE) -refresh

repro: image ## build the image again elsewhere and compare the bytes
	rm -rf $(B)/repro && mkdir -p $(B)/repro && cp -rl $(B)/packages $(B)/repro/packages
	$(MKIMAGE) -out $(B)/repro
	cmp $(B)/vmlinuz $(B)/repro/vmlinuz
	cmp $(B)/initrd $(B)/repro/initrd
	rm -rf $(B)/repro

run: image ## boot the image in QEMU with a console here (ctrl-a x ends it); MEMORY=MiB, APPEND="kernel parameters"
	tools/run $(B) $(MEMORY) '$(APPEND)'

clean: ## remove all that was built
	rm -rf $(B)

MKIMAGE = $(B)/mkimage -out $(B) -version $(VERSION) -compression $(COMPRESSION)

$(B)/engine/built: tools/engine/go.mod tools/engine/go.sum internal/osimage/engine.go | $(B)/mkimage
	$(B)/mkimage engine -out $(B)/engine
	@touch $@

$(B)/mkimage: $(SOURCE) | deps
	$(GO) build -trimpath -buildvcs=false -o $@ ./cmd/mkimage

$(B)/rosmachine: $(SOURCE) | deps
	CGO_ENABLED=0 $(GO) build $(OURS) -o $@ ./cmd/rosmachine

$(B)/ros: $(SOURCE) | deps
	CGO_ENABLED=0 $(GO) build $(OURS) -o $@ ./cmd/ros

$(B)/init: $(SOURCE) | deps
	CGO_ENABLED=0 $(GO) build $(OURS) -o $@ ./cmd/init

$(B)/initrd: $(B)/mkimage $(B)/ros $(B)/init $(B)/engine/built os-config.yml
	$(MKIMAGE)
