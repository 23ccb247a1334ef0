//go:build dockerd

package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
)

// testImage is the system image of these tests: a shell and a few programs.
const testImage = "ros/test:1"

// privateDaemon is a Docker daemon of a test's own, in network and mount
// namespaces of its own.
type privateDaemon struct {
	dir     string
	engines string // folder with the programs
	holder  *exec.Cmd
	process *exec.Cmd
	ended   chan struct{}
}

// startPrivate starts a daemon, which ends with the test and leaves nothing.
func startPrivate(tb testing.TB) *privateDaemon {
	tb.Helper()
	dir, err := os.MkdirTemp("", "ros-engine-") // t.TempDir is too long for sockets
	if err != nil {
		tb.Fatal(err)
	}
	d := &privateDaemon{dir: dir, engines: engineDir(tb)}
	tb.Cleanup(func() { d.clean(tb) })
	d.holder = exec.Command("sleep", "infinity")
	d.holder.SysProcAttr = &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL,
	}
	if err := d.holder.Start(); err != nil {
		tb.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{
		"features":     map[string]bool{"embedded-containerd": true},
		"live-restore": true, "userland-proxy": false,
		"iptables": false, "ip6tables": false, "ip-forward": false,
		"bip": "10.213.7.1/24", "cgroup-parent": d.group(), "log-level": "warn",
		"data-root": d.path("data"), "exec-root": d.path("exec"), "pidfile": d.path("pid"),
		"hosts": []string{"unix://" + d.socket()},
	})
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(d.path("daemon.json"), config, 0o600); err != nil {
		tb.Fatal(err)
	}
	d.start(tb)
	return d
}

// engineDir is the folder with the engine's programs. A relative one is below
// the module's root.
func engineDir(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv("ROS_ENGINE_DIR")
	if dir == "" {
		tb.Fatal("ROS_ENGINE_DIR does not name the folder with dockerd")
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join("..", "..", dir)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "dockerd")); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func (d *privateDaemon) path(name string) string { return filepath.Join(d.dir, name) }
func (d *privateDaemon) socket() string          { return d.path("docker.sock") }
func (d *privateDaemon) group() string           { return "/" + filepath.Base(d.dir) }

// start starts the daemon's process and waits until it answers.
func (d *privateDaemon) start(tb testing.TB) {
	tb.Helper()
	log, err := os.OpenFile(d.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("nsenter", "-t", strconv.Itoa(d.holder.Process.Pid), "-m", "-n",
		filepath.Join(d.engines, "dockerd"), "--config-file", d.path("daemon.json"))
	cmd.Env = append(os.Environ(), "PATH="+d.engines+":"+os.Getenv("PATH"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	d.process, d.ended = cmd, ended
	api := d.daemon(tb)
	deadline := time.Now().Add(60 * time.Second)
	for {
		_, err := api.api().Ping(context.Background())
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(d.path("log"))
			tb.Fatalf("dockerd does not answer: %v\n%s", err, text)
		}
		pause(20 * time.Millisecond)
	}
}

func pause(d time.Duration) { <-time.After(d) }

// daemon is a client of the daemon's.
func (d *privateDaemon) daemon(tb testing.TB) *daemon {
	tb.Helper()
	c, err := newDaemon(d.socket())
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// signal ends the daemon's process.
func (d *privateDaemon) signal(tb testing.TB, s syscall.Signal) {
	tb.Helper()
	if err := d.process.Process.Signal(s); err != nil {
		tb.Error(err)
	}
	select {
	case <-d.ended:
	case <-time.After(60 * time.Second):
		tb.Errorf("dockerd does not end by %s", s)
		d.process.Process.Kill()
		<-d.ended
	}
}

// engine is an engine whose two daemons are both this one.
func (d *privateDaemon) engine(tb testing.TB) *Engine {
	tb.Helper()
	e, err := New(Options{SystemSocket: d.socket(), UserSocket: d.socket(), ImageDir: d.images(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// clean removes all containers, ends the daemon and removes what it leaves.
func (d *privateDaemon) clean(tb testing.TB) {
	tb.Helper()
	if tb.Failed() {
		text, _ := os.ReadFile(d.path("log"))
		tb.Logf("dockerd said:\n%s", text)
	}
	if d.process != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		api := d.daemon(tb)
		all, err := api.api().ContainerList(ctx, container.ListOptions{All: true})
		if err != nil {
			tb.Error(err)
		}
		for _, c := range all {
			if err := api.remove(ctx, c.ID); err != nil {
				tb.Error(err)
			}
		}
		d.signal(tb, syscall.SIGTERM)
	}
	if d.holder != nil && d.holder.Process != nil {
		d.holder.Process.Kill()
		d.holder.Wait()
	}
	for _, pattern := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		groups, _ := filepath.Glob(pattern + d.group())
		for _, g := range groups {
			os.Remove(g)
		}
	}
	if err := os.RemoveAll(d.dir); err != nil {
		tb.Error(err)
	}
}

// images is a folder of system images with the test image in it.
func (d *privateDaemon) images(tb testing.TB) string {
	tb.Helper()
	dir := d.path("images")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	text, id := imageArchive(tb, testImage)
	index := fmt.Sprintf(`{%q: {"file": "test.tar", "id": %q}}`, testImage, id)
	for name, content := range map[string][]byte{"test.tar": text, "index.json": []byte(index)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// imageArchive is an image as an OCI layout, and its ID.
func imageArchive(tb testing.TB, ref string) (archive []byte, id string) {
	tb.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	blob := func(text []byte) string {
		name := digest(text)
		write(tb, w, &tar.Header{Name: "blobs/sha256/" + name, Mode: 0o600, Size: int64(len(text))}, text)
		return fmt.Sprintf(`"digest": "sha256:%s", "size": %d`, name, len(text))
	}
	const media = `"mediaType": "application/vnd.oci.image`
	layer := layerOf(tb, "sh", "sleep", "cat", "touch", "true", "echo")
	config := blob([]byte(fmt.Sprintf(`{"architecture": %q, "os": "linux",
		"config": {"Env": ["PATH=/bin"], "Cmd": ["sleep", "infinity"]},
		"rootfs": {"type": "layers", "diff_ids": ["sha256:%s"]}}`, runtime.GOARCH, digest(layer))))
	manifest := []byte(fmt.Sprintf(`{"schemaVersion": 2, %s.manifest.v1+json",
		"config": {%s.config.v1+json", %s}, "layers": [{%s.layer.v1.tar", %s}]}`, media, media, config, media, blob(layer)))
	index := fmt.Sprintf(`{"schemaVersion": 2, "manifests": [{%s.manifest.v1+json", %s,
		"annotations": {"io.containerd.image.name": "docker.io/%s"}}]}`, media, blob(manifest), ref)
	for name, text := range map[string]string{"index.json": index, "oci-layout": `{"imageLayoutVersion": "1.0.0"}`} {
		write(tb, w, &tar.Header{Name: name, Mode: 0o600, Size: int64(len(text))}, []byte(text))
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes(), "sha256:" + digest(manifest)
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func write(tb testing.TB, w *tar.Writer, h *tar.Header, text []byte) {
	tb.Helper()
	if err := w.WriteHeader(h); err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		tb.Fatal(err)
	}
}

// layerOf is a layer with programs of this host and the libraries they need.
func layerOf(tb testing.TB, programs ...string) []byte {
	tb.Helper()
	files := map[string]string{} // name in the image → on the host
	for _, p := range programs {
		path, err := exec.LookPath(p)
		if err != nil {
			tb.Fatal(err)
		}
		files["bin/"+p] = path
		for _, library := range libraries(tb, path) {
			files[strings.TrimPrefix(library, "/")] = library
		}
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	made := map[string]bool{}
	for _, name := range sortedKeys(files) {
		for _, dir := range parents(name) {
			if !made[dir] {
				made[dir] = true
				write(tb, w, &tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: 0o755}, nil)
			}
		}
		text, err := os.ReadFile(files[name])
		if err != nil {
			tb.Fatal(err)
		}
		write(tb, w, &tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))}, text)
	}
	write(tb, w, &tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o777}, nil)
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// parents are the folders above a file, outermost first.
func parents(name string) []string {
	var out []string
	for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
		out = append([]string{dir}, out...)
	}
	return out
}

// libraries are the files that a program needs to run: its loader and shared
// libraries.
func libraries(tb testing.TB, path string) []string {
	tb.Helper()
	f, err := elf.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var out []string
	if s := f.Section(".interp"); s != nil {
		text, err := s.Data()
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, string(bytes.TrimRight(text, "\x00")))
	}
	names, err := f.ImportedLibraries()
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names {
		found, _ := filepath.Glob("/lib/*-linux-gnu/" + name)
		if len(found) == 0 {
			tb.Fatalf("%s needs %s, which is nowhere", path, name)
		}
		out = append(out, found[0])
	}
	return out
}
