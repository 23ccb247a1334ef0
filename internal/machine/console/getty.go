package console

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ros-os/ros/internal/supervise"
)

const (
	loginUser    = "rancher"
	serialSpeeds = "115200,57600,38400,9600"
)

// terminal is a line that people log in on.
type terminal struct {
	Name  string // below /dev
	Speed int    // of a serial line, 0 when it was not said
}

func (t terminal) serial() bool {
	number, isTTY := strings.CutPrefix(t.Name, "tty")
	_, err := strconv.Atoi(number)
	return !isTTY || err != nil
}

// terminals are the first screen and what the kernel command line names as
// console, each once; tty0 is whichever screen is shown, so it adds none.
func terminals(cmdline string) []terminal {
	out := []terminal{{Name: "tty1"}}
	for _, word := range strings.Fields(cmdline) {
		value, ok := strings.CutPrefix(word, "console=")
		if !ok {
			continue
		}
		name, options, _ := strings.Cut(value, ",")
		name = strings.TrimPrefix(name, "/dev/")
		if !plainTerminal(name) || name == "tty0" || name == "null" {
			continue
		}
		t := terminal{Name: name, Speed: leadingNumber(options)}
		if !slices.ContainsFunc(out, func(o terminal) bool { return o.Name == name }) {
			out = append(out, t)
		}
	}
	return out
}

// plainTerminal keeps paths and options of agetty from being named.
func plainTerminal(name string) bool {
	for _, r := range name {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'
		if !plain {
			return false
		}
	}
	return name != "" && len(name) < 32
}

func leadingNumber(text string) int {
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(text)
	}
	n, err := strconv.Atoi(text[:end])
	if err != nil {
		return 0
	}
	return n
}

// gettyPrograms are the gettys of the terminals that exist. In namespaces there
// are none: the terminals are those of the host.
func (s *service) gettyPrograms(settings Settings) []supervise.Program {
	if exists(s.paths.namespaced) {
		return nil
	}
	var out []supervise.Program
	for _, t := range terminals(s.cmdline()) {
		if exists(filepath.Join(s.paths.dev, t.Name)) {
			out = append(out, gettyProgram(s.paths.agetty, t, slices.Contains(settings.Autologin, t.Name)))
		}
	}
	return out
}

func gettyProgram(agetty string, t terminal, autologin bool) supervise.Program {
	argv := []string{agetty}
	if autologin {
		argv = append(argv, "--autologin", loginUser)
	}
	if !t.serial() {
		argv = append(argv, "--noclear", t.Name, "linux")
		return supervise.Program{Name: "getty " + t.Name, Argv: argv}
	}
	speeds := serialSpeeds
	if t.Speed > 0 {
		speeds = strconv.Itoa(t.Speed) + "," + serialSpeeds
	}
	argv = append(argv, "--local-line", "--keep-baud", t.Name, speeds, "vt220")
	return supervise.Program{Name: "getty " + t.Name, Argv: argv}
}

// cmdline is the kernel command line; in namespaces a file stands for it.
func (s *service) cmdline() string {
	for _, path := range s.paths.cmdlines {
		if data, err := os.ReadFile(path); err == nil {
			return string(data)
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
