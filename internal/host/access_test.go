package host

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWhereACommandRuns(t *testing.T) {
	argv := []string{"ls", "-l"}
	for _, row := range []struct {
		name          string
		where         Where
		local, remote string
	}{
		{
			"root in the console",
			Where{User: "root", Service: ServiceConsole},
			"docker -H unix:///var/run/system-docker.sock exec -i -u root console ls -l", "sudo -n -u root -- ls -l",
		},
		{
			"the user in the console, with a terminal",
			Where{User: "rancher", Service: ServiceConsole, TTY: true},
			"docker -H unix:///var/run/system-docker.sock exec -i -t -u rancher console ls -l", "ls -l",
		},
		{
			"another service",
			Where{User: "root", Service: "ntp"},
			"docker -H unix:///var/run/system-docker.sock exec -i -u root ntp ls -l",
			"sudo -n -- system-docker exec -i -u root ntp ls -l",
		},
		{
			"beside PID 1",
			Where{User: "root", Service: ServiceInit},
			"ls -l", "sudo -n -- nsenter -t 1 -m -u -i -n -p -- ls -l",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := strings.Join(localArgv(row.where, argv), " "); got != row.local {
				t.Errorf("in namespaces: %s", got)
			}
			if got := strings.Join(remoteArgv(row.where, argv), " "); got != row.remote {
				t.Errorf("over SSH: %s", got)
			}
		})
	}
}

// The shell is the judge of what a quoted line means.
func TestAShellReadsTheQuotedWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[ -~\t\n'"\\$é]{0,12}`), 1, 5).Draw(t, "words")
		line := quote(append([]string{"printf", `%s\0`}, words...))
		out, err := exec.Command("sh", "-c", line).Output()
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		if !slices.Equal(got, words) {
			t.Fatalf("%q became %q", words, got)
		}
	})
}

func TestOnlyTheControllersAnswerCounts(t *testing.T) {
	for text, want := range map[string]bool{
		"converging\n\nSERVICE …":             true,
		"degraded\n":                          true,
		"ros: the controller does not answer": false,
		"nsenter: cannot open /proc/1/ns":     false,
		"":                                    false,
	} {
		if got := speaks(text); got != want {
			t.Errorf("speaks(%q) = %v", text, got)
		}
	}
}

func TestNobodyUsesTheConnectionOfAnother(t *testing.T) {
	m := newTestMachine(t, Spec{Name: "a", Kind: VirtualMachine})
	sockets := map[string]string{}
	for _, user := range []string{"rancher", "ann"} {
		for _, arg := range m.ssh(t.Context(), &Run{SSHPort: 22}, false, user, "true").Args {
			if socket, found := strings.CutPrefix(arg, "ControlPath="); found {
				sockets[user] = socket
			}
		}
	}
	if sockets["ann"] == "" || sockets["ann"] == sockets["rancher"] {
		t.Errorf("the connections are at %v", sockets)
	}
}
