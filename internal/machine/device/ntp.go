package device

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/fsnotify/fsnotify"
	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/internal/supervise"
)

// ntp is the service ntp: its files and programs.
type ntp struct {
	chronyd, conf, namespaced string
	state, run                string // folders that chronyd writes to
	network                   string // the status of service network
	settings                  string // what the configuration says, in the same folder
}

// RunNTP keeps chronyd running until ctx ends, also with the time servers that
// DHCP gives. On a machine in namespaces it measures, and leaves the clock alone.
func RunNTP(ctx context.Context) error {
	return ntp{
		chronyd: "/usr/sbin/chronyd", conf: "/run/chrony/chrony.conf", namespaced: namespacedFile,
		state: "/var/lib/chrony", run: "/run/chrony", network: "/run/ros/network/status.json", settings: TimeFile,
	}.keep(ctx)
}

func (n ntp) keep(ctx context.Context) (err error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("cannot watch the network's status: %w", err)
	}
	defer func() { _ = w.Close() }() // only read from
	if err := os.MkdirAll(filepath.Dir(n.network), 0o755); err != nil {
		return fmt.Errorf("cannot watch the network's status: %w", err)
	}
	if err := w.Add(filepath.Dir(n.network)); err != nil { // the file is replaced
		return fmt.Errorf("cannot watch the network's status: %w", err)
	}
	// A chronyd that was killed left its number, which something else may have by now:
	// the next one would take that for another chronyd, and end.
	if err := os.Remove(filepath.Join(n.run, "chronyd.pid")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove what an earlier chronyd left: %w", err)
	}
	set := supervise.NewSet(supervise.Direct{})
	defer func() { err = errors.Join(err, stopSet(ctx, set)) }()
	for {
		if err := n.pass(ctx, set); err != nil {
			return err
		}
		if !n.changed(ctx, w) {
			return nil
		}
	}
}

// changed waits for a change of the network's status, or of the settings; it is false when ctx ends.
func (n ntp) changed(ctx context.Context, w *fsnotify.Watcher) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case event := <-w.Events:
			if event.Name == n.network || event.Name == n.settings {
				return true
			}
		case <-w.Errors: //nolint:errcheck // events were lost, whichever: look again
			return true
		}
	}
}

// pass keeps chronyd running with what there is to know now.
func (n ntp) pass(ctx context.Context, set *supervise.Set) error {
	servers, err := givenServers(n.network)
	if err != nil {
		logrus.WithFields(logrus.Fields{"service": "ntp", "err": err}).Warn("no time servers of DHCP are used")
	}
	settings, err := readTime(n.settings)
	if err != nil {
		logrus.WithFields(logrus.Fields{"service": "ntp", "err": err}).Warn("no time servers of the configuration are used")
	}
	if settings.Disabled {
		return set.Keep(ctx, nil)
	}
	inNamespaces := exists(n.namespaced)
	owner, err := n.makeFolders()
	if err != nil {
		return err
	}
	conf := chronyConf(n.state, settings, servers, inNamespaces)
	if err := os.WriteFile(n.conf, []byte(conf), 0o644); err != nil {
		return fmt.Errorf("cannot write chronyd's configuration: %w", err)
	}
	argv := []string{n.chronyd, "-d", "-u", owner, "-f", n.conf}
	if inNamespaces {
		argv = append(argv, "-x") // the clock is the host's
	}
	return set.Keep(ctx, []supervise.Program{{Name: "chronyd", Argv: argv, Inputs: conf}})
}

// chronyConf is the configuration of chronyd.
func chronyConf(state string, t Time, servers []string, inNamespaces bool) string {
	var b strings.Builder
	b.WriteString("# made by ros; changes are lost\n")
	b.WriteString(t.lines())
	for _, server := range servers {
		fmt.Fprintf(&b, "server %s iburst prefer\n", server)
	}
	fmt.Fprintf(&b, "driftfile %s\n", filepath.Join(state, "chrony.drift"))
	b.WriteString("cmdport 0\n") // chronyc goes through the socket
	if !inNamespaces {
		b.WriteString("makestep 1 3\nrtcsync\n")
	}
	return b.String()
}

// givenServers are the time servers that DHCP gave. Only addresses are taken:
// they go into a file that is read line by line.
func givenServers(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the network's status: %w", err)
	}
	var status struct {
		NTP []string `json:"ntp"`
	}
	if err := json.Unmarshal(data, &status); err != nil {
		return nil, fmt.Errorf("cannot read the network's status %s: %w", path, err)
	}
	var servers []string
	for _, text := range status.NTP {
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			servers = append(servers, a.String())
		}
	}
	return servers, nil
}

// makeFolders makes the folders that chronyd writes to, and says whom it runs as:
// its own user where there is one.
func (n ntp) makeFolders() (owner string, err error) {
	owner, uid, gid := "root", os.Getuid(), os.Getgid()
	if account, err := user.Lookup("_chrony"); err == nil {
		var uerr, gerr error
		uid, uerr = strconv.Atoi(account.Uid)
		gid, gerr = strconv.Atoi(account.Gid)
		if err := errors.Join(uerr, gerr); err != nil {
			return "", fmt.Errorf("cannot understand user %s: %w", account.Username, err)
		}
		owner = account.Username
	}
	for _, dir := range []string{n.state, n.run} {
		if err := makeFolder(dir, uid, gid); err != nil {
			return "", fmt.Errorf("cannot make a folder of chronyd: %w", err)
		}
	}
	return owner, nil
}

// makeFolder makes a folder that only its owner's group may read: chronyd
// refuses a socket in another.
func makeFolder(dir string, uid, gid int) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	st, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && int(sys.Uid) == uid && int(sys.Gid) == gid && st.Mode().Perm() == 0o750 {
		return nil
	}
	if err := os.Chmod(dir, 0o750); err != nil { // while it is still ours
		return err
	}
	return os.Chown(dir, uid, gid)
}
