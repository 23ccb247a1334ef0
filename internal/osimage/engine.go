package osimage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// engineProgram is one program of the engine and how it is built.
type engineProgram struct {
	name   string
	module string
	pkg    string
	cgo    bool
	tags   string
	gc     string // -gcflags
	link   string // more -ldflags
	// stamps are the variables that take the version, by kind.
	version, commit, built string
}

// enginePrograms' builds. The Docker CLI has no go.mod of its own, so its
// language version is given here.
var engineBuilds = []engineProgram{
	{
		name: "dockerd", module: "github.com/moby/moby/v2", pkg: "github.com/moby/moby/v2/cmd/dockerd",
		tags:    "netgo osusergo static_build",
		version: "github.com/moby/moby/v2/dockerversion.Version",
		commit:  "github.com/moby/moby/v2/dockerversion.GitCommit",
		built:   "github.com/moby/moby/v2/dockerversion.BuildTime",
	},
	{
		name: "containerd-shim-runc-v2", module: "github.com/containerd/containerd/v2",
		pkg:     "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
		version: "github.com/containerd/containerd/v2/version.Version",
		commit:  "github.com/containerd/containerd/v2/version.Revision",
	},
	{
		name: "runc", module: "github.com/opencontainers/runc", pkg: "github.com/opencontainers/runc",
		cgo: true, tags: "seccomp netgo osusergo", link: `-extldflags "-static"`,
		commit: "main.gitCommit", // the version is in its sources
	},
	{
		name: "docker", module: "github.com/docker/cli", pkg: "github.com/docker/cli/cmd/docker",
		gc:      "github.com/docker/cli/...=-lang=go1.25",
		version: "github.com/docker/cli/cli/version.Version",
		commit:  "github.com/docker/cli/cli/version.GitCommit",
		built:   "github.com/docker/cli/cli/version.BuildTime",
	},
}

// goModule is what the go command says about a module.
type goModule struct {
	Path    string
	Version string
	Time    time.Time
	Dir     string
}

// BuildEngine builds Docker's daemon and CLI, containerd's shim and runc from
// the versions that the module in folder pins, static and stripped.
func BuildEngine(ctx context.Context, folder, out string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return fmt.Errorf("cannot build the engine: %w", err)
	}
	modules, err := listModules(ctx, folder)
	if err != nil {
		return err
	}
	for _, p := range engineBuilds {
		m, ok := modules[p.module]
		if !ok {
			return fmt.Errorf("cannot build %s: %s/go.mod does not pin %s", p.name, folder, p.module)
		}
		if p.name == "dockerd" {
			containerd := modules["github.com/containerd/containerd/v2"]
			p.link += " -X github.com/containerd/containerd/v2/version.Version=" + containerd.Version +
				" -X github.com/containerd/containerd/v2/version.Revision=" + containerd.Version
		}
		if err := p.build(ctx, folder, filepath.Join(out, p.name), m); err != nil {
			return err
		}
	}
	return nil
}

func (p engineProgram) build(ctx context.Context, folder, target string, m goModule) error {
	version, err := releaseOf(m)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-tags", p.tags, "-gcflags", p.gc, "-ldflags", p.linkFlags(version, m), "-o", target, p.pkg)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if p.cgo {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=1")
	}
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build %s: %w\n%s", p.name, err, output)
	}
	return nil
}

// linkFlags strip the program and stamp it. What stands for the commit is the
// module's version, which go.sum checks; a commit is not known to the module
// proxy.
func (p engineProgram) linkFlags(version string, m goModule) string {
	flags := "-s -w " + p.link
	for _, stamp := range [][2]string{
		{p.version, version}, {p.commit, m.Version}, {p.built, m.Time.UTC().Format(time.RFC3339)},
	} {
		if stamp[0] != "" {
			flags += fmt.Sprintf(" -X %s=%s", stamp[0], stamp[1])
		}
	}
	return flags
}

// releaseOf returns the release of a module as users know it. Docker Engine
// numbers its Go module apart from its releases; which release a tag of the
// module is, its sources say themselves, in releases/versions.yaml.
func releaseOf(m goModule) (string, error) {
	plain := strings.TrimSuffix(strings.TrimPrefix(m.Version, "v"), "+incompatible")
	if m.Path != "github.com/moby/moby/v2" {
		return plain, nil
	}
	content, err := os.ReadFile(filepath.Join(m.Dir, "releases", "versions.yaml"))
	if err != nil {
		return "", fmt.Errorf("cannot find the release of Docker Engine: %w", err)
	}
	next := regexp.MustCompile(`(?m)^docker:\n(?:  .*\n)*?  next: "([0-9.]+)"`).FindSubmatch(content)
	if next == nil {
		return "", fmt.Errorf("cannot find the release of Docker Engine in %s", m.Dir)
	}
	return string(next[1]), nil
}

// listModules asks the go command for the modules that folder's go.mod pins.
// They are fetched first: of one that is not there yet, the list has no folder.
func listModules(ctx context.Context, folder string) (map[string]goModule, error) {
	var pinned []string
	for _, p := range engineBuilds {
		pinned = append(pinned, p.module)
	}
	if _, err := goCommand(ctx, folder, append([]string{"mod", "download"}, pinned...)...); err != nil {
		return nil, fmt.Errorf("cannot fetch the engine's modules: %w", err)
	}
	out, err := goCommand(ctx, folder, append([]string{"list", "-m", "-json"}, pinned...)...)
	if err != nil {
		return nil, fmt.Errorf("cannot list the engine's modules: %w", err)
	}
	modules := map[string]goModule{}
	for stream := json.NewDecoder(bytes.NewReader(out)); stream.More(); {
		var m goModule
		if err := stream.Decode(&m); err != nil {
			return nil, fmt.Errorf("cannot list the engine's modules: %w", err)
		}
		modules[m.Path] = m
	}
	return modules, nil
}

// goCommand runs the go command in a folder and returns what it printed.
func goCommand(ctx context.Context, folder string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = folder
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, problem.Bytes())
	}
	return out, nil
}
