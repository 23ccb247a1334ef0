package cloudconfig

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// withoutEffect warns of values that are right by themselves and change nothing, such
// as cloud-configs have them that were made for another system.
func withoutEffect(m Merged) Report {
	var report Report
	warn := func(n *yaml.Node, path []string, msg, hint string) {
		report = append(report, Problem{
			Pos: m.Doc.Pos(n), Path: JoinPath(m.Doc.asWritten(path)...), Msg: msg, Hint: hint, Severity: Warning,
		})
	}
	eachMatch(m.Doc.Root, []string{"user"}, nil, func(n *yaml.Node, path []string) { unusablePassword(n, path, warn) })
	eachMatch(m.Doc.Root, []string{"users", "*"}, nil, func(n *yaml.Node, path []string) { unusablePassword(n, path, warn) })
	eachMatch(m.Doc.Root, []string{"chpasswd", "users", "*"}, nil, func(n *yaml.Node, path []string) {
		if kind := mappingValue(n, "type"); kind == nil || isUnset(kind) || kind.Value == "hash" {
			notAHash(n, "password", path, "say type: text, or write a hash as 'openssl passwd -6' makes it", warn)
		}
	})
	for _, key := range []string{"bootcmd", "runcmd"} {
		eachMatch(m.Doc.Root, []string{key, "*"}, nil, func(n *yaml.Node, path []string) {
			if n.Kind == yaml.ScalarNode && onlyOfTheShell(n.Value) {
				warn(n, path, "has no effect: each command has a shell of its own", "put all of them into one entry, below - |")
			}
		})
	}
	eachMatch(m.Doc.Root, []string{"write_files", "*"}, nil, func(n *yaml.Node, path []string) { unreadFile(n, path, warn) })
	return report
}

type warner func(n *yaml.Node, path []string, msg, hint string)

// unusablePassword is about users: a password is locked unless lock_passwd says
// otherwise, and what is no hash lets nobody in.
func unusablePassword(n *yaml.Node, path []string, warn warner) {
	lock := mappingValue(n, "lock_passwd")
	if lock == nil {
		lock = mappingValue(n, "lock-passwd")
	}
	for _, key := range []string{"passwd", "hashed_passwd", "hashed-passwd", "plain_text_passwd", "plain-text-passwd"} {
		value := mappingValue(n, key)
		if value == nil || isUnset(value) {
			continue
		}
		if lock == nil || isUnset(lock) {
			warn(value, append(slices.Clone(path), key), "has no effect: a password is locked unless lock_passwd says otherwise", "add lock_passwd: false")
		} else if !strings.HasPrefix(key, "plain") {
			notAHash(n, key, path, "write a hash as 'openssl passwd -6' makes it, or plain_text_passwd", warn)
		}
	}
}

// cryptHash is a password as crypt(3) makes it, or what stands for none.
var cryptHash = regexp.MustCompile(`^(\$[a-z0-9]+\$.+|[./0-9A-Za-z]{13}|_[./0-9A-Za-z]{19}|[!*]+.*|x)$`)

func notAHash(n *yaml.Node, key string, path []string, hint string, warn warner) {
	value := mappingValue(n, key)
	if value != nil && value.Kind == yaml.ScalarNode && !isUnset(value) && !cryptHash.MatchString(value.Value) {
		warn(value, append(slices.Clone(path), key), "is no hash of a password: nobody can log in with it", hint)
	}
}

// ofTheShell is a command that changes nothing but the shell that runs it.
var ofTheShell = regexp.MustCompile(`^(cd|export|set|umask|ulimit|alias|unset|shopt)(\s[^;&|()]*)?$|^[A-Za-z_][A-Za-z0-9_]*=\S*$`)

func onlyOfTheShell(text string) bool {
	text = strings.TrimSpace(text)
	return !strings.Contains(text, "\n") && !strings.Contains(text, "$(") && !strings.Contains(text, "`") && ofTheShell.MatchString(text)
}

// unread are files and folders, with a slash behind, of other systems that nothing
// reads on this one, and what is there instead.
var unread = []struct{ path, instead string }{
	{"/etc/sysctl.conf", "see rancher.sysctl"},
	{"/etc/sysctl.d/", "see rancher.sysctl"},
	{"/etc/modules", "see rancher.modules"},
	{"/etc/modules-load.d/", "see rancher.modules"},
	{"/etc/fstab", "see mounts"},
	{"/etc/netplan/", "see network"},
	{"/etc/network/", "see rancher.network"},
	{"/etc/NetworkManager/", "see rancher.network"},
	{"/etc/sysconfig/network-scripts/", "see rancher.network"},
	{"/etc/resolv.conf", "see rancher.network.dns"},
	{"/etc/ntp.conf", "see ntp"},
	{"/etc/chrony.conf", "see ntp"},
	{"/etc/chrony/", "see ntp"},
	{"/etc/ssh/sshd_config", "see rancher.ssh, ssh_pwauth and disable_root"},
	{"/etc/ssh/sshd_config.d/", "see rancher.ssh, ssh_pwauth and disable_root"},
	{"/etc/systemd/", "there is no systemd: see rancher.services"},
	{"/lib/systemd/", "there is no systemd: see rancher.services"},
	{"/usr/lib/systemd/", "there is no systemd: see rancher.services"},
	{"/etc/init/", "see rancher.services, or /etc/rc.local"},
	{"/etc/init.d/", "see rancher.services, or /etc/rc.local"},
	{"/etc/crontab", "there is no cron: see the label cron.schedule of a service"},
	{"/etc/cron.d/", "there is no cron: see the label cron.schedule of a service"},
	{"/etc/cron.hourly/", "there is no cron: see the label cron.schedule of a service"},
	{"/etc/cron.daily/", "there is no cron: see the label cron.schedule of a service"},
	{"/etc/cron.weekly/", "there is no cron: see the label cron.schedule of a service"},
	{"/etc/cron.monthly/", "there is no cron: see the label cron.schedule of a service"},
	{"/var/spool/cron/", "there is no cron: see the label cron.schedule of a service"},
	{"/etc/logrotate.d/", "there is no logrotate"},
	{"/etc/apt/", "there is no package manager"},
	{"/etc/yum.repos.d/", "there is no package manager"},
	{"/etc/default/grub", "see 'ros config syslinux'"},
	{"/etc/default/grub.d/", "see 'ros config syslinux'"},
	{"/etc/cloud/", "there is no cloud-init: see rancher.cloud_init"},
	{"/var/lib/cloud/scripts/", "see runcmd, or /etc/rc.local"},
}

// unreadFile is about files of the machine itself; containers may read theirs.
func unreadFile(n *yaml.Node, path []string, warn warner) {
	name := mappingValue(n, "path")
	if name == nil || name.Kind != yaml.ScalarNode {
		return
	}
	if c := mappingValue(n, "container"); c != nil && !slices.Contains([]string{"", "console", "host"}, c.Value) {
		return
	}
	for _, u := range unread {
		switch {
		case name.Value != u.path && (!strings.HasSuffix(u.path, "/") || !strings.HasPrefix(name.Value, u.path)):
		case name.Value == "/etc/resolv.conf":
			warn(name, append(slices.Clone(path), "path"), "is written anew with each change of the network", u.instead)
		default:
			warn(name, append(slices.Clone(path), "path"), "is read by nothing on this system", u.instead)
		}
	}
}
