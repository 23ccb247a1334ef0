package account

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func texts() Texts {
	return Texts{
		Passwd:  "root:x:0:0:root:/root:/bin/bash\n+nis\n\nann:x:2000:2001:Ann:/home/ann:/bin/sh\n",
		Shadow:  "root:*:20000::::::\nann:$6$s$h:20000:0:99999:7:::\n",
		Group:   "root:x:0:\nannas:x:2001:\ndocker:x:1101:rancher\n# a comment\n",
		Gshadow: "root:*::\nannas:!::\ndocker:!::rancher\n",
	}
}

func TestWhatIsNotChangedStaysToTheByte(t *testing.T) {
	if got := Parse(texts()).Texts(); got != texts() {
		t.Errorf("got %+v", got)
	}
}

func TestAUserIsAddedAndChanged(t *testing.T) {
	d := Parse(texts())
	u := User{Name: "ben", UID: d.FreeNumber(0, false), GID: 2001, Gecos: "Ben", Home: "/home/ben", Shell: "/bin/bash"}
	if u.UID != 2002 {
		t.Errorf("the free number is %d", u.UID)
	}
	if err := d.Put(u); err != nil {
		t.Fatal(err)
	}
	if err := d.SetPassword("ben", "$6$x$y", 20500); err != nil {
		t.Fatal(err)
	}
	if !d.SetMember("docker", "ben", true) || d.SetMember("missing", "ben", true) {
		t.Error("membership of a group that is there, and of one that is not")
	}
	u.Shell = "/bin/sh"
	if err := d.Put(u); err != nil {
		t.Fatal(err)
	}
	want := texts()
	want.Passwd += "ben:x:2002:2001:Ben:/home/ben:/bin/sh\n"
	want.Shadow += "ben:$6$x$y:20500:0:99999:7:::\n"
	want.Group = strings.Replace(want.Group, "rancher", "rancher,ben", 1)
	want.Gshadow = strings.Replace(want.Gshadow, "rancher", "rancher,ben", 1)
	if got := d.Texts(); got != want {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	d.SetMember("docker", "ben", false)
	if g, _ := d.Group("docker"); strings.Join(g.Members, " ") != "rancher" {
		t.Errorf("members %q", g.Members)
	}
}

func TestNoValueMakesALineOfItsOwn(t *testing.T) {
	d := Parse(texts())
	for name, err := range map[string]error{
		"a gecos of two lines": d.Put(User{Name: "x", Gecos: "a\nroot2:x:0:0::/:/bin/sh"}),
		"a shell with a colon": d.Put(User{Name: "x", Shell: "/bin/sh:"}),
		"a name with a comma":  d.Put(User{Name: "a,b"}),
		"an empty name":        d.Put(User{}),
		"a group of two lines": d.PutGroup("a\nb", 5),
		"a hash with a colon":  d.SetPassword("ann", "a:b", 1),
		"a missing user":       d.SetPassword("nobody-here", "*", 1),
	} {
		if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if got := d.Texts(); got != texts() {
		t.Errorf("the texts changed: %+v", got)
	}
}

func TestOwner(t *testing.T) {
	d := Parse(texts())
	tests := []struct {
		owner    string
		uid, gid int
		bad      bool
	}{
		{"ann", 2000, 2001, false},
		{"ann:docker", 2000, 1101, false},
		{"2000", 2000, 2001, false},
		{"5000", 5000, 0, false},
		{"root:5", 0, 5, false},
		{":docker", 0, 1101, false},
		{"ann:", 2000, 2001, false},
		{"nobody-here", 0, 0, true},
		{"root:nogroup-here", 0, 0, true},
		{"-1", 0, 0, true},
		{"4294967295", 0, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.owner, func(t *testing.T) {
			uid, gid, err := d.Owner(tt.owner)
			if uid != tt.uid || gid != tt.gid || (err != nil) != tt.bad {
				t.Errorf("got %d:%d, %v", uid, gid, err)
			}
		})
	}
}

func TestAChangeOfOneUserLeavesAllOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z][a-z0-9]{0,8}`)
		d := Parse(texts())
		for _, n := range rapid.SliceOfN(name, 1, 8).Draw(t, "names") {
			id := d.FreeNumber(0, rapid.Bool().Draw(t, "program"))
			if _, there := d.User(n); there {
				continue
			}
			if err := d.Put(User{Name: n, UID: id, GID: id, Home: "/home/" + n}); err != nil {
				t.Fatal(err)
			}
		}
		seen := map[int]string{}
		for _, u := range d.Users() {
			if other := seen[u.UID]; other != "" {
				t.Fatalf("%s and %s have the number %d", other, u.Name, u.UID)
			}
			seen[u.UID] = u.Name
			if _, ok := d.Password(u.Name); !ok {
				t.Fatalf("%s has no line in shadow", u.Name)
			}
		}
		if !strings.HasPrefix(d.Texts().Passwd, texts().Passwd) {
			t.Fatal("lines that were there changed")
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(texts().Passwd, texts().Shadow, texts().Group)
	f.Add("a:b:c\n::::::\n", ":", "x:x:9999999999999:,,")
	f.Fuzz(func(t *testing.T, passwd, shadow, group string) {
		d := Parse(Texts{Passwd: passwd, Shadow: shadow, Group: group})
		got := d.Texts()
		if strings.TrimSuffix(got.Passwd, "\n") != strings.TrimSuffix(passwd, "\n") {
			t.Errorf("%q became %q", passwd, got.Passwd)
		}
		for _, u := range d.Users() {
			if u.Name == "" || u.UID < 0 || u.GID < 0 {
				t.Errorf("%q gives %+v", passwd, u)
			}
		}
		for _, g := range d.Groups() {
			if g.Name == "" || g.GID < 0 {
				t.Errorf("%q gives %+v", group, g)
			}
			d.SetMember(g.Name, "someone", true)
		}
		if err := d.Put(User{Name: "someone", UID: 5, GID: 5}); err != nil {
			t.Fatal(err)
		}
		if again := Parse(d.Texts()); again.Texts() != d.Texts() {
			t.Error("what was written reads as something else")
		}
	})
}
