package cloudconfig

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatChangesNothingIsTold has values that are right by themselves, each with what
// is told of it, if anything is.
func TestWhatChangesNothingIsTold(t *testing.T) {
	t.Parallel()
	const locked = "has no effect: a password is locked unless lock_passwd says otherwise (add lock_passwd: false)"
	const noHash = "is no hash of a password: nobody can log in with it"
	const noShell = "has no effect: each command has a shell of its own (put all of them into one entry, below - |)"
	const unread = "is read by nothing on this system"
	for text, want := range map[string]string{
		"users: [{name: a, hashed_passwd: $6$s$h}]":                         "1:34: warning: users.0.hashed_passwd: " + locked,
		"users: [{name: a, plain_text_passwd: x}]":                          "users.0.plain_text_passwd: " + locked,
		"user: {name: a, passwd: $6$s$h}":                                   "user.passwd: " + locked,
		"user: a":                                                           "",
		"users: [default, {name: a, passwd: $6$s$h, lock_passwd: true}]":    "",
		"users: [{name: a, passwd: $y$j9T$s$h, lock_passwd: false}]":        "",
		"users: [{name: a, passwd: secret, lock_passwd: false}]":            "users.0.passwd: " + noHash + " (write a hash as 'openssl passwd -6' makes it, or plain_text_passwd)",
		"users: [{name: a, plain_text_passwd: secret, lock_passwd: false}]": "",
		"users: [{name: a, passwd: '*', lock_passwd: false}]":               "",
		"users: [{name: a, passwd: rqzHxeuGpbBjk, lock_passwd: false}]":     "",
		"chpasswd: {users: [{name: a, password: secret}]}":                  "chpasswd.users.0.password: " + noHash + " (say type: text, or write a hash as 'openssl passwd -6' makes it)",
		"chpasswd: {users: [{name: a, password: secret, type: text}]}":      "",
		"chpasswd: {users: [{name: a, type: RANDOM}]}":                      "",
		"runcmd: [cd /tmp, ls]":                                             "runcmd.0: " + noShell,
		"runcmd: [ls, export A=1]":                                          "runcmd.1: " + noShell,
		"bootcmd: [A=1]":                                                    "bootcmd.0: " + noShell,
		"runcmd: ['set -e']":                                                "runcmd.0: " + noShell,
		"runcmd: ['cd /tmp && ls', 'A=1 ls', 'A=$(reboot)', 'cd /a; ls', [cd, /tmp], \"cd /tmp\\nls\", cdrom, 'export A=$(date > /x)', 'x=`ls>/y`']": "",
		"write_files: [{path: /etc/sysctl.d/10-x.conf}]":                     "write_files.0.path: " + unread + " (see rancher.sysctl)",
		"write_files: [{path: /etc/systemd/system/x.service}]":               "write_files.0.path: " + unread + " (there is no systemd: see rancher.services)",
		"write_files: [{path: /etc/resolv.conf}]":                            "write_files.0.path: is written anew with each change of the network (see rancher.network.dns)",
		"write_files: [{path: /etc/cron.d/x, container: cron}]":              "",
		"write_files: [{path: /etc/sysctl.conf.bak}, {path: /etc/modules2}]": "",
		"write_files: [{path: /etc/docker/daemon.json}, {path: /etc/hosts}]": "",
	} {
		l, report := ParseLayer("user-data", "user-data", []byte(text))
		require.NoError(t, report.Err(), text)
		found := Validate(l)
		require.NoError(t, found.Err(), text)
		got := messages(found)
		if want == "" {
			require.Empty(t, got, text)
		} else {
			require.True(t, strings.Contains(got, want) && strings.Count(got, "warning: ") == 1, "%s\n%s", text, got)
		}
		require.NotContains(t, got, "secret", text)
	}
}

func TestNoneIsNullInAMount(t *testing.T) {
	t.Parallel()
	l, report := ParseLayer("user-data", "user-data", []byte(`
mount_default_fields: [None, None, auto, "defaults,nofail", "0", "2"]
mounts: [[sdb, null], [sdc, None], [sdd, /mnt/d, None]]
`))
	require.NoError(t, report.Err())
	c, report := Merge(l).Config()
	require.NoError(t, report.Err())
	require.Equal(t, []MountPoint{{Index: 2, Source: "sdd", Folder: "/mnt/d", Type: "auto", Options: []string{"defaults", "nofail"}}}, c.MountPoints())
}
