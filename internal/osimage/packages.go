package osimage

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// suite is the Debian release that the machine's programs come from; it does
// not depend on the release of the host.
const suite = "bookworm"

// kernelPackage always depends on the newest kernel of its series.
const kernelPackage = "linux-image-6.12-cloud-amd64"

const (
	debianMirror   = "http://deb.debian.org/debian"
	securityMirror = "http://deb.debian.org/debian-security"
	debianKeyring  = "/usr/share/keyrings/debian-archive-keyring.gpg"
)

// archive is a private apt: its own package lists and cache, an empty list of
// installed packages, and the host's proxy and mirrors.
type archive struct {
	dir string
}

// options point apt at the private folders.
func (a archive) options() []string {
	var args []string
	for _, o := range []string{
		"Dir::State=" + filepath.Join(a.dir, "state"),
		"Dir::State::status=" + filepath.Join(a.dir, "status"),
		"Dir::Cache=" + filepath.Join(a.dir, "cache"),
		"Dir::Etc::sourcelist=" + filepath.Join(a.dir, "sources.list"),
		"Dir::Etc::sourceparts=/dev/null",
		"Dir::Etc::preferences=/dev/null",
		"Dir::Etc::preferencesparts=/dev/null",
		"APT::Architecture=amd64",
		"APT::Architectures=amd64",
		"APT::Install-Recommends=false",
		"APT::Sandbox::User=",
		"Acquire::Languages=none",
	} {
		args = append(args, "-o", o)
	}
	return args
}

// prepare makes the private folders and fetches the package lists.
func (a archive) prepare(ctx context.Context) error {
	for _, dir := range []string{"state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, dir), 0o755); err != nil {
			return fmt.Errorf("cannot prepare apt: %w", err)
		}
	}
	for name, content := range map[string]string{"status": "", "sources.list": sourcesList(hostSources())} {
		if err := os.WriteFile(filepath.Join(a.dir, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("cannot prepare apt: %w", err)
		}
	}
	return run(ctx, "", "apt-get", append(a.options(), "-q", "update")...)
}

// fetch downloads the packages with all they depend on, but for those in skip,
// and returns the files, sorted by name.
func (a archive) fetch(ctx context.Context, packages, skip []string) ([]string, error) {
	list, err := a.output(ctx, "apt-get", append(a.options(), append([]string{
		"-q", "-y", "--print-uris", "install",
	}, packages...)...)...)
	if err != nil {
		return nil, err
	}
	var wanted []string
	for _, line := range strings.Split(list, "\n") {
		name, version, ok := parseURI(line)
		if ok && !slices.Contains(skip, name) {
			wanted = append(wanted, name+"="+version)
		}
	}
	slices.Sort(wanted)
	return a.download(ctx, wanted)
}

// newestKernel names the package that the kernel's meta package stands for.
func (a archive) newestKernel(ctx context.Context) (string, error) {
	out, err := a.output(ctx, "apt-cache", append(a.options(), "depends", "--important", kernelPackage)...)
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`Depends: (linux-image-\S+)`).FindStringSubmatch(out)
	if found == nil {
		return "", fmt.Errorf("cannot find the kernel that %s stands for", kernelPackage)
	}
	return found[1], nil
}

// download fetches packages (name or name=version) that are not there yet.
func (a archive) download(ctx context.Context, packages []string) ([]string, error) {
	dir := filepath.Join(a.dir, "debs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot download packages: %w", err)
	}
	if err := run(ctx, dir, "apt-get", append(a.options(), append([]string{"-q", "download"}, packages...)...)...); err != nil {
		return nil, err
	}
	var files []string
	for _, p := range packages {
		name, version, _ := strings.Cut(p, "=")
		if version == "" {
			version = "*"
		}
		// apt writes the colon of an epoch as %3a.
		found, err := filepath.Glob(filepath.Join(dir, name+"_"+strings.ReplaceAll(version, ":", "%3a")+"_*.deb"))
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("cannot find the downloaded package %s", p)
		}
		files = append(files, found[len(found)-1])
	}
	return files, nil
}

func (a archive) output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("cannot run %s: %w\n%s", name, err, problem.Bytes())
	}
	return string(out), nil
}

// parseURI reads a line of apt's --print-uris:
//
//	'http://…/busybox_1.35.0_amd64.deb' busybox_1%3a1.35.0_amd64.deb 441404 SHA256:…
func parseURI(line string) (name, version string, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 3 || !strings.HasPrefix(line, "'") || !strings.HasSuffix(fields[1], ".deb") {
		return "", "", false
	}
	parts := strings.SplitN(fields[1], "_", 3)
	if len(parts) != 3 {
		return "", "", false
	}
	return parts[0], strings.ReplaceAll(parts[1], "%3a", ":"), true
}

// hostSources returns the host's apt sources, which may name a nearer mirror.
func hostSources() string {
	files, _ := filepath.Glob("/etc/apt/sources.list.d/*")
	var all strings.Builder
	for _, file := range append([]string{"/etc/apt/sources.list"}, files...) {
		if content, err := os.ReadFile(file); err == nil {
			all.Write(content)
			all.WriteByte('\n')
		}
	}
	return all.String()
}

// sourcesList writes the sources of our suite, at the mirrors that the host
// uses for Debian, or Debian's own.
func sourcesList(host string) string {
	mirror, security := debianMirror, securityMirror
	for _, uri := range regexp.MustCompile(`(?m)^[^#\n]*?(https?://[^\s\]]+)`).FindAllStringSubmatch(host, -1) {
		switch trimmed := strings.TrimRight(uri[1], "/"); {
		case strings.HasSuffix(trimmed, "/debian"):
			mirror = trimmed
		case strings.HasSuffix(trimmed, "/debian-security"):
			security = trimmed
		}
	}
	signed := "[signed-by=" + debianKeyring + "]"
	return fmt.Sprintf("deb %[1]s %[2]s %[4]s main\ndeb %[1]s %[2]s %[4]s-updates main\ndeb %[1]s %[3]s %[4]s-security main\n",
		signed, mirror, security, suite)
}

// unpackDeb adds the files of a Debian package to a tree. No script of the
// package runs.
func unpackDeb(ctx context.Context, deb string, into *Tree, keep func(name string) bool) error {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("cannot unpack %s: %w\n%s", filepath.Base(deb), err, problem.Bytes())
	}
	if err := into.ReadTar(bytes.NewReader(out), keep); err != nil {
		return fmt.Errorf("cannot unpack %s: %w", filepath.Base(deb), err)
	}
	return nil
}

// filter runs data through a program.
func filter(ctx context.Context, data []byte, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cannot run %s: %w", name, err)
	}
	return out, nil
}
