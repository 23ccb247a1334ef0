package setting

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/crypt"
	"github.com/ros-os/ros/internal/machine/console"
	"github.com/ros-os/ros/internal/source"
)

func (h *host) field(user string) string {
	for line := range strings.Lines(h.read("/etc/shadow")) {
		if f := strings.Split(line, ":"); f[0] == user {
			return f[1]
		}
	}
	return ""
}

func (h *host) line(file, name string) string {
	for line := range strings.Lines(h.read(file)) {
		if strings.HasPrefix(line, name+":") {
			return strings.TrimSuffix(line, "\n")
		}
	}
	return ""
}

func TestPassword(t *testing.T) {
	const hash = "$6$salt$hash"
	h := newHost(t)
	h.clean("rancher: {password: " + hash + "}")
	if got := h.field("rancher"); got != hash {
		t.Errorf("shadow has %q", got)
	}
	h.clean("rancher: {password: plain}")
	made := h.field("rancher")
	if !crypt.Matches(made, "plain") {
		t.Errorf("a plain password became %q", made)
	}
	h.clean("rancher: {password: plain}")
	if got := h.field("rancher"); got != made {
		t.Errorf("the same password was hashed again: %q", got)
	}
	h.clean("rancher: {password: plain, disable: [password]}")
	if got := h.field("rancher"); got != "*" {
		t.Errorf("with disable the password is still %q", got)
	}
	h.clean("rancher: {password: plain}")
	h.write("/etc/shadow", strings.Replace(h.read("/etc/shadow"), "rancher:"+h.field("rancher"), "rancher:$6$by$hand", 1))
	h.clean("rancher: {debug: false}")
	if got := h.field("rancher"); got != "$6$by$hand" {
		t.Errorf("a password that the user set by hand became %q", got)
	}
	if got := h.attributes("/etc/shadow"); got != "0644 0:0" { // as the test made it
		t.Errorf("shadow is %s", got)
	}
}

func TestAPasswordOfTwoLinesSetsNoOtherUsersPassword(t *testing.T) {
	h := newHost(t)
	before := h.read("/etc/shadow")
	got := h.apply(`rancher: {password: "a\nroot:b"}`)
	if !strings.HasPrefix(got, "cloud-config.yml:2:") || !strings.Contains(got, "more than one line") || h.read("/etc/shadow") != before {
		t.Errorf("problems %q, shadow\n%s", got, h.read("/etc/shadow"))
	}
}

const people = `
groups: [{team: [rancher]}]
users:
- default
- name: ann
  gecos: Ann Example
  groups: [docker, team]
  sudo: "ALL=(ALL) NOPASSWD:ALL"
  lock_passwd: false
  hashed_passwd: $6$s$h
  ssh_authorized_keys: ["` + keyA + `"]
- {name: daemon2, system: true, shell: /sbin/nologin}
`

// Proxmox and others name the user whom everything else is about in this way.
func TestAnotherUserStandsForDefault(t *testing.T) {
	const text = `
user: ann
users: [default]
groups: [{team: [default]}]
password: $6$s$h
chpasswd: {expire: false}
ssh_authorized_keys: ["` + keyA + `"]
`
	h := newHost(t)
	h.write("/etc/group", "root:x:0:\nsudo:x:27:\ndocker:x:1101:\n")
	h.clean(text)
	if got, want := h.line("/etc/passwd", "ann"), "ann:x:2001:2001::/home/ann:/bin/bash"; got != want {
		t.Errorf("passwd has %q, want %q", got, want)
	}
	for group, want := range map[string]string{"sudo": "sudo:x:27:ann", "docker": "docker:x:1101:ann"} {
		if got := h.line("/etc/group", group); got != want {
			t.Errorf("group has %q, want %q", got, want)
		}
	}
	if got := h.line("/etc/group", "team"); !strings.HasSuffix(got, ":ann") || h.field("ann") != "$6$s$h" || h.field("rancher") != "*" {
		t.Errorf("group has %q, shadow %q for ann and %q for rancher", got, h.field("ann"), h.field("rancher"))
	}
	for _, user := range []string{"ann", "rancher"} {
		if got := h.read("/home/" + user + "/.ssh/authorized_keys"); !strings.Contains(got, keyA) {
			t.Errorf("the keys of %s are %q", user, got)
		}
	}
	if got := strings.Join(strings.Fields(h.read("/run/ros/console.json")), " "); !strings.Contains(got, `"users": [ "ann" ]`) {
		t.Errorf("the console's settings are %s", got)
	}
	before := h.inodes()
	h.clean(text)
	if !maps.Equal(before, h.inodes()) {
		t.Error("applying it again changed something")
	}
	h.clean("ssh_authorized_keys: ['" + keyA + "']")
	if !strings.HasPrefix(h.line("/etc/shadow", "ann"), "ann:!:") || strings.Contains(h.read("/home/ann/.ssh/authorized_keys"), keyA) {
		t.Errorf("who is no longer named has %q in shadow, and the keys %q", h.line("/etc/shadow", "ann"), h.read("/home/ann/.ssh/authorized_keys"))
	}
	if got := h.apply("user: {name: ann, uid: 1100}"); !strings.Contains(got, "user.uid") {
		t.Errorf("a problem is told as %q", got)
	}
}

func TestUsersComeAndGo(t *testing.T) {
	h := newHost(t)
	h.write("/sbin/nologin", "")
	h.clean(people)
	if got, want := h.line("/etc/passwd", "ann"), "ann:x:2001:2001:Ann Example:/home/ann:/bin/bash"; got != want {
		t.Errorf("passwd has %q, want %q", got, want)
	}
	if got, want := h.line("/etc/group", "docker"), "docker:x:1101:ann"; got != want {
		t.Errorf("group has %q, want %q", got, want)
	}
	if got := h.line("/etc/group", "team"); !strings.HasSuffix(got, ":rancher,ann") {
		t.Errorf("group has %q", got)
	}
	if h.field("ann") != "$6$s$h" || h.attributes(sudoersFile) != "0440 0:0" || !strings.Contains(h.read(sudoersFile), "ann ALL=(ALL) NOPASSWD:ALL\n") {
		t.Errorf("shadow has %q, sudoers %q", h.field("ann"), h.read(sudoersFile))
	}
	if got := h.attributes("/home/ann"); got != "0755 2001:2001" || !strings.Contains(h.read("/home/ann/.ssh/authorized_keys"), keyA) {
		t.Errorf("home is %s, keys %q", got, h.read("/home/ann/.ssh/authorized_keys"))
	}
	if got := h.line("/etc/passwd", "daemon2"); !strings.HasPrefix(got, "daemon2:x:200:200:") || h.m.exists("/home/daemon2") {
		t.Errorf("a system user is %q", got)
	}
	h.write("/home/ann/mine", "x")

	h.clean("users: [default]")
	if got := h.line("/etc/shadow", "ann"); !strings.HasPrefix(got, "ann:!:") || !strings.HasSuffix(got, ":1:") {
		t.Errorf("a user without configuration has %q in shadow", got)
	}
	if h.m.exists(sudoersFile) || strings.Contains(h.read("/home/ann/.ssh/authorized_keys"), keyA) || h.line("/etc/group", "docker") != "docker:x:1101:" {
		t.Error("he keeps rules, keys or groups")
	}
	if h.read("/home/ann/mine") != "x" {
		t.Error("his files are gone")
	}

	h.clean(people)
	if h.field("ann") != "$6$s$h" || !strings.HasSuffix(h.line("/etc/shadow", "ann"), ":7:::") {
		t.Errorf("when he comes back shadow has %q", h.line("/etc/shadow", "ann"))
	}
}

func TestAUserKeepsHisNumberOverBoots(t *testing.T) {
	h := newHost(t)
	h.clean("users: [{name: ann}, {name: ben}]")
	want := h.line("/etc/passwd", "ben")
	h.etcOfTheImage()
	h.clean("users: [{name: ben}]")
	if got := h.line("/etc/passwd", "ben"); got != want {
		t.Errorf("passwd has %q, want %q", got, want)
	}
}

// TestNobodyIsGivenTheNumberOfAnother lets files of somebody stay who is not named
// any more, or only further below.
func TestNobodyIsGivenTheNumberOfAnother(t *testing.T) {
	h := newHost(t)
	h.clean("users: [{name: ann}]\ngroups: [staff]")
	ann, staff := h.line("/etc/passwd", "ann"), h.line("/etc/group", "staff")
	for _, text := range []string{
		"users: [{name: ben}]\ngroups: [others]",
		"users: [{name: cat, primary_group: more}, {name: ben}, {name: ann}]\ngroups: [others, staff]",
	} {
		h.etcOfTheImage()
		h.clean(text)
		for _, line := range strings.Fields(h.read("/etc/passwd") + h.read("/etc/group")) {
			for _, of := range []string{ann, staff} {
				name, number := strings.Split(of, ":")[0], strings.Split(of, ":")[2]
				if got := strings.Split(line, ":"); got[0] != name && got[2] == number {
					t.Errorf("%s: the number %s of %s is given to %s", text, number, name, line)
				}
			}
		}
	}
	if got := h.line("/etc/passwd", "ann"); got != ann {
		t.Errorf("passwd has %q, want %q", got, ann)
	}
	if got := h.line("/etc/group", "staff"); got != staff {
		t.Errorf("group has %q, want %q", got, staff)
	}
}

// etcOfTheImage is what a boot begins with.
func (h *host) etcOfTheImage() {
	h.t.Helper()
	h.write("/etc/passwd", testPasswd)
	h.write("/etc/shadow", testShadow)
	h.write("/etc/group", "root:x:0:\ndocker:x:1101:\n")
	h.write(stateFile, "")
}

func TestBadUsersHoldUpNoOthers(t *testing.T) {
	h := newHost(t)
	got := h.apply(`
users:
- {name: ann, uid: 1100}
- {name: ben, gecos: "a:b"}
- {name: cat, sudo: "nonsense"}
- {name: dan, groups: [nowhere], create_groups: false}
- {name: eve, lock_passwd: false, hashed_passwd: "a:b"}
- {name: fay}
`)
	for _, want := range []string{
		"cloud-config.yml:4:3: users.0: cannot add ann: rancher has the number 1100",
		`cloud-config.yml:5:3: users.1: cannot write "a:b" to passwd`,
		`users.2.sudo: cannot give cat the rule "nonsense"`,
		"users.3: cannot put dan into nowhere: there is no such group",
		"users.4.hashed_passwd: cannot set the password: it is no hash",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
	if h.line("/etc/passwd", "fay") == "" || h.line("/etc/passwd", "ann") != "" || h.line("/etc/passwd", "ben") != "" {
		t.Errorf("passwd is\n%s", h.read("/etc/passwd"))
	}
}

func TestChpasswd(t *testing.T) {
	h := newHost(t)
	const text = `
chpasswd:
  list: "docker:text"
  users: [{name: rancher, type: RANDOM}]
`
	h.clean(text)
	if h.field("docker") != "*" || h.field("rancher") != "*" {
		t.Error("a password was set before it was known for which instance")
	}
	h.settle("i-1")
	h.clean(text)
	first := h.field("rancher")
	if !crypt.Matches(h.field("docker"), "text") || !strings.HasPrefix(h.line("/etc/shadow", "docker"), "docker:"+h.field("docker")+":0:") {
		t.Errorf("shadow has %q", h.line("/etc/shadow", "docker"))
	}
	_, said, _ := strings.Cut(strings.TrimSpace(h.read(outputFile)), "the password of rancher is ")
	if !crypt.Matches(first, said) || h.attributes(outputFile) != "0600 0:0" {
		t.Errorf("the log says %q, %s", h.read(outputFile), h.attributes(outputFile))
	}
	h.clean(text)
	if h.field("rancher") != first {
		t.Error("a password by chance was made twice")
	}
}

// boot has /etc and /run be as at the next boot.
func (h *host) boot() {
	h.t.Helper()
	h.write("/etc/passwd", testPasswd)
	h.write("/etc/shadow", testShadow)
	h.write(stateFile, "")
}

func TestPasswordsThatAreSetOnceOutliveABoot(t *testing.T) {
	const text = `
chpasswd:
  list: "docker:text"
  users: [{name: rancher, type: RANDOM}]
`
	h := newHost(t)
	h.settle("i-1")
	h.clean(text)
	first := h.line("/etc/shadow", "rancher")

	h.boot()
	h.clean(text)
	if got := h.line("/etc/shadow", "rancher"); got != first || strings.Count(h.read(outputFile), "the password of rancher") != 1 {
		t.Errorf("at the second boot shadow has %q, at the first %q; the log is\n%s", got, first, h.read(outputFile))
	}
	kept := "/var/lib/rancher/cloud-init/i-1/done/chpasswd"
	_, said, _ := strings.Cut(strings.TrimSpace(h.read(outputFile)), "the password of rancher is ")
	if got := h.read(kept); h.attributes(kept) != "0600 0:0" || strings.Contains(got, `"text"`) || said == "" || strings.Contains(got, said) {
		t.Errorf("%s is kept: %s", h.attributes(kept), got)
	}

	own, err := crypt.Hash("my own")
	if err != nil {
		t.Fatal(err)
	}
	h.write("/etc/shadow", strings.Replace(h.read("/etc/shadow"), "docker:"+h.field("docker")+":0:", "docker:"+own+":20000:", 1))
	h.clean(text)
	h.boot()
	h.clean(text)
	if got := h.line("/etc/shadow", "docker"); h.field("docker") != own || strings.HasPrefix(got, "docker:"+own+":0:") {
		t.Errorf("who has chosen a password has %q at the next boot", got)
	}

	h.clean(strings.Replace(text, "docker:text", "docker:another", 1))
	if got := h.line("/etc/shadow", "docker"); !crypt.Matches(h.field("docker"), "another") || !strings.HasPrefix(got, "docker:"+h.field("docker")+":0:") {
		t.Errorf("when the configuration has another password it is %q", got)
	}

	h.boot()
	h.settle("i-2")
	h.clean(text)
	if !crypt.Matches(h.field("docker"), "text") || h.line("/etc/shadow", "rancher") == first {
		t.Errorf("another instance has\n%s", h.read("/etc/shadow"))
	}
}

func TestThePasswordThatTheCloudGaveIsSetOnce(t *testing.T) {
	const first, second = "$6$salt$first", "$6$salt$second"
	h := newHost(t)
	give := func(hash string, ssh bool) {
		t.Helper()
		data, err := source.Password{Hash: hash, SSH: ssh}.Marshal()
		if err == nil {
			err = source.SaveSeed(h.m.root, "cloudstack", source.Seed{MetaData: []byte("instance-id: i-1"), Password: data})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	passwordsOverSSH := func() bool { return strings.Contains(h.read(console.SettingsFile), `"passwords": true`) }
	h.clean("")
	if passwordsOverSSH() {
		t.Error("passwords may be used over SSH without one")
	}
	give(first, true)
	h.settle("i-1")
	h.clean("")
	if h.field("rancher") != first || !passwordsOverSSH() {
		t.Errorf("the password is %q, over SSH %v", h.field("rancher"), passwordsOverSSH())
	}
	h.clean("ssh_pwauth: false")
	if h.field("rancher") != first || passwordsOverSSH() {
		t.Error("the configuration keeps nobody from using it over SSH")
	}

	own, err := crypt.Hash("my own")
	if err != nil {
		t.Fatal(err)
	}
	h.write("/etc/shadow", strings.Replace(h.read("/etc/shadow"), first, own, 1))
	h.clean("")
	h.boot()
	h.clean("")
	if got := h.field("rancher"); got != own {
		t.Errorf("who has chosen a password has %q at the next boot", got)
	}
	give(second, false)
	h.clean("")
	if got := h.field("rancher"); got != second || passwordsOverSSH() {
		t.Errorf("after a reset in the cloud it is %q, over SSH %v", got, passwordsOverSSH())
	}
	give(second, true)
	h.clean("password: $6$of$configuration")
	if got := h.field("rancher"); got != "$6$of$configuration" || passwordsOverSSH() {
		t.Errorf("against the configuration it is %q, over SSH %v", got, passwordsOverSSH())
	}
	h.write(source.SeedDir+"/password", "{")
	if got := h.apply(""); !strings.Contains(got, "password: cannot read the password that the cloud gave") {
		t.Errorf("a file that cannot be read: %q", got)
	}
}

func TestAPasswordThatIsChosenIsSeenAtOnce(t *testing.T) {
	h := newHost(t)
	h.settle("i-1")
	const text = "chpasswd: {list: 'docker:text'}"
	h.clean(text)
	r := h.start()
	h.eventually("the end", func() bool { return h.recorded("power_state") != nil })
	for len(r.changed) > 0 {
		<-r.changed
	}
	h.write("/etc/shadow", strings.Replace(h.read("/etc/shadow"), h.field("docker")+":0:", "$6$by$hand:20000:", 1))
	select {
	case <-r.changed:
	case <-time.After(20 * time.Second):
		t.Fatal("nobody was told")
	}
	h.clean(text)
	h.boot()
	h.clean(text)
	if got := h.field("docker"); got != "$6$by$hand" {
		t.Errorf("at the next boot it is %q", got)
	}
}

func TestSSHSettingsComeFromUsers(t *testing.T) {
	h := newHost(t)
	h.write("/sbin/nologin", "")
	h.write("/root/.profile", "")
	h.clean(people + "ssh_pwauth: true\ndisable_root: false\nssh_authorized_keys: ['" + keyB + "']\nssh_keys: {ed25519_private: P, ed25519_public: Q, ed25519_certificate: C}\n")
	got := strings.Join(strings.Fields(h.read("/run/ros/console.json")), " ")
	for _, want := range []string{`"users": [ "ann", "daemon2" ]`, `"root": true`, `"passwords": true`, `"ed25519": "P"`, `"ed25519-pub": "Q"`, `"ed25519-cert": "C"`} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %s in %s", want, got)
		}
	}
	if !strings.Contains(h.read("/root/.ssh/authorized_keys"), keyB) {
		t.Error("root has no key")
	}
	h.clean("ssh_authorized_keys: ['" + keyB + "']")
	if got := h.read("/root/.ssh/authorized_keys"); got != "" {
		t.Errorf("root keeps %q", got)
	}
}

// Who takes a change of one of the image's users back must not lock himself out.
func TestAUserOfTheImageIsWhatHeWasWhenHeIsNotNamedAnyMore(t *testing.T) {
	const keys = "ssh_authorized_keys: ['" + keyA + "']\n"
	h := newHost(t)
	h.write("/bin/other", "")
	h.write("/root/.profile", "")
	h.clean(keys + "disable_root: false\nusers: [{name: rancher, gecos: Me, shell: /bin/other, homedir: /home/other}, {name: root, gecos: Boss}]")
	if got, want := h.line("/etc/passwd", "rancher"), "rancher:x:1100:1100:Me:/home/other:/bin/other"; got != want {
		t.Errorf("passwd has %q, want %q", got, want)
	}
	h.clean(keys + "disable_root: false\nusers: [{name: rancher, gecos: Me}]")
	if got, want := h.line("/etc/passwd", "rancher"), "rancher:x:1100:1100:Me:/home/rancher:/bin/bash"; got != want {
		t.Errorf("with less said of him passwd has %q, want %q", got, want)
	}
	for _, text := range []string{"users: [default]", "users: [rancher]", ""} {
		h.clean(keys + "disable_root: false\nusers: [{name: rancher, gecos: Me}, {name: root, gecos: Boss}]")
		h.clean(keys + "disable_root: false\n" + text)
		if got := h.read("/etc/passwd"); got != testPasswd {
			t.Errorf("after %q passwd has\n%s", text, got)
		}
		if h.field("rancher") != "*" || h.field("root") != "*" {
			t.Errorf("after %q shadow has\n%s", text, h.read("/etc/shadow"))
		}
		for _, home := range []string{"/home/rancher", "/root"} {
			if got := h.read(home + "/.ssh/authorized_keys"); !strings.Contains(got, keyA) {
				t.Errorf("after %q the keys in %s are %q", text, home, got)
			}
		}
		before := h.inodes()
		h.clean(keys + "disable_root: false\n" + text)
		if !maps.Equal(before, h.inodes()) {
			t.Error("applying it again changed something")
		}
	}
}

func TestWhatIsSaidNoMoreOfAUserIsTakenBack(t *testing.T) {
	h := newHost(t)
	h.write("/bin/other", "")
	h.clean("users: [{name: ann, gecos: Ann, shell: /bin/other, primary_group: docker}]")
	if got, want := h.line("/etc/passwd", "ann"), "ann:x:2000:1101:Ann:/home/ann:/bin/other"; got != want {
		t.Errorf("passwd has %q, want %q", got, want)
	}
	h.clean("users: [ann]")
	if got, want := h.line("/etc/passwd", "ann"), "ann:x:2000:2001::/home/ann:/bin/bash"; got != want {
		t.Errorf("passwd has %q, want %q", got, want)
	}
}

// Somebody's home is taken for him; another folder is not, whatever it is.
func TestAFolderThatIsThereIsGivenToNobody(t *testing.T) {
	h := newHost(t)
	const text = "users: [{name: ann, homedir: /etc}, {name: ben, homedir: /srv/ben, uid: 2002}, {name: eve, homedir: /home/x, uid: 2003}]"
	for _, dir := range []string{"/srv/ben", "/home/x"} {
		h.write(dir+"/file", "")
	}
	before := h.attributes("/etc")
	if got := h.apply(text); !strings.Contains(got, "users.0.homedir: /etc, the home of ann, is another's") || !strings.Contains(got, "users.1.homedir") {
		t.Errorf("told %q", got)
	}
	if got := h.attributes("/etc"); got != before {
		t.Errorf("/etc is %s, was %s", got, before)
	}
	if ben, eve := h.attributes("/srv/ben"), h.attributes("/home/x"); ben != "0755 0:0" || !strings.HasSuffix(eve, " 2003:2003") {
		t.Errorf("/srv/ben is %s, /home/x %s", ben, eve)
	}
}

func TestWhatKeepsAUserOutIsTold(t *testing.T) {
	tests := []struct{ entry, want string }{
		{"shell: /usr/bin/zsh", "users.0.shell: there is no /usr/bin/zsh on this system: ann cannot log in"},
		{`sudo: "ALL=(ALL) NOPASSWDD ALL"`, `users.0.sudo: sudo does not understand the rule "ALL=(ALL) NOPASSWDD ALL"`},
		{`sudo: "ALL=(ALL) NOPASSWD ALL"`, "users.0.sudo: sudo does not understand"},
		{`sudo: "ALL=(ALL) ls"`, "users.0.sudo: sudo does not understand"},
		{`sudo: "ALL=(ALL) NOPASSWD:ALL"`, ""},
		{`sudo: "ALL=(ALL:ALL) ALL"`, ""},
		{`sudo: "ALL = NOPASSWD: SETENV: /bin/ls, !/bin/su *"`, ""},
		{`sudo: ["ALL=(%docker) CWD=/srv NOEXEC:sudoedit /etc/motd", "web1,web2=OPERATORS, ALL"]`, ""},
	}
	for _, row := range tests {
		h := newHost(t)
		got := h.apply("users: [{name: ann, " + row.entry + "}]")
		if (got == "") != (row.want == "") || !strings.Contains(got, row.want) {
			t.Errorf("of %s is told %q, want %q", row.entry, got, row.want)
		}
	}
}
