package cloudconfig

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseCmdline(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, line, want, problems string }{
		{"words of others are left alone", "quiet root=/dev/sda a.b=1 ranchers.x=1", "", ""},
		{"a key without value is true", "rancher.rescue", "rancher:\n  rescue: true\n", ""},
		{"cc. is taken off", "cc.hostname=db1 cc.rancher.debug", "hostname: db1\nrancher:\n  debug: true\n", ""},
		{"values are YAML scalars", "rancher.a=1 rancher.b=false rancher.c=x rancher.d=1.5", "rancher:\n  a: 1\n  b: false\n  c: x\n  d: 1.5\n", ""},
		{"commas outside of brackets are text", "rancher.key1=a,b rancher.key2=1,2", "rancher:\n  key1: a,b\n  key2: 1,2\n", ""},
		{"brackets make a list", "rancher.l=[a,10,true, b]", "rancher:\n  l: [a, 10, true, b]\n", ""},
		{"an empty list", "rancher.l=[]", "rancher:\n  l: []\n", ""},
		{"colons and question marks are text", "rancher.u=[url:http://10.0.0.1/x?y,file:/a] rancher.v=a:b", "rancher:\n  u: ['url:http://10.0.0.1/x?y', 'file:/a']\n  v: a:b\n", ""},
		{"quotes keep spaces", `rancher.a="two words" rancher.b='x y'`, "rancher:\n  a: \"two words\"\n  b: 'x y'\n", ""},
		{"escaped quotes are quotes", `rancher.a=\"two words\"`, "rancher:\n  a: \"two words\"\n", ""},
		{"quotes of other scripts keep spaces and stay", "rancher.a=”two words” quiet", "rancher:\n  a: ”two words”\n", ""},
		{"the kernel's quotes around a word", `"rancher.a=two words"`, "rancher:\n  a: two words\n", ""},
		{"a list item between quotes", `rancher.cmd=["a, b",c]`, "rancher:\n  cmd: [\"a, b\", c]\n", ""},
		{"the later one wins", "rancher.a=1 rancher.a=2", "rancher:\n  a: 2\n", ""},
		{"a value replaces a map", "rancher.a.b=1 rancher.a=2", "rancher:\n  a: 2\n", ""},
		{"keys join", "rancher.o.a=3 rancher.o.b", "rancher:\n  o:\n    a: 3\n    b: true\n", ""},
		{"a key with dots is quoted", `rancher.i."eth1.100".mtu=9000`, "rancher:\n  i:\n    eth1.100:\n      mtu: 9000\n", ""},
		{"words behind -- count", "rancher.a=1 -- rancher.a=2 single -- cc.hostname=x", "rancher:\n  a: 2\nhostname: x\n", ""},
		{"two hyphens in a word or between quotes are text", "rancher.a=-- rancher.b=\"x -- y\" rancher.c", "rancher:\n  a: --\n  b: \"x -- y\"\n  c: true\n", ""},
		{"a bracket that is not closed takes the rest", "rancher.l=[a rancher.b=1", "rancher:\n  l: '[a rancher.b=1'\n", ""},
		{"a quote that is not closed takes the rest", "rancher.a=\"x rancher.b=1", "rancher:\n  a: '\"x rancher.b=1'\n", ""},
		{"tabs and line feeds separate", "rancher.a=1\trancher.b=2\n", "rancher:\n  a: 1\n  b: 2\n", ""},
		{"a list in a list is text", "rancher.l=[[a],b]", "rancher:\n  l: ['[a]', b]\n", ""},
		{"an equals sign in a value", "rancher.state.dev=LABEL=X cc.a=b=c=", "rancher:\n  state:\n    dev: LABEL=X\na: b=c=\n", ""},
		{"a quoted key may hold an equals sign", `rancher.e."a=b"=c`, "rancher:\n  e:\n    a=b: c\n", ""},
		{"a line that is too long", "rancher.a=" + strings.Repeat("x", 1<<16), "", "<kernel command line>: warning: is 65546 bytes long, more than the 65536 that are allowed"},
		{"an empty value removes", "rancher.password=", "rancher:\n  password:\n", ""},
		{"a hash is text", "rancher.a=x#y rancher.b=#z", "rancher:\n  a: x#y\n  b: '#z'\n", ""},
		{"what is not YAML is text", "rancher.a=*x rancher.b={a rancher.c=&x", "rancher:\n  a: '*x'\n  b: '{a'\n  c: '&x'\n", ""},
		{"a key below a value is left out", "rancher.a=1 rancher.a.b=2", "rancher:\n  a: 1\n", "<kernel command line>: warning: rancher.a.b: is ignored: rancher.a has a value already"},
		{"a key that is none", "rancher..a=1 cc.=2", "", "<kernel command line>: warning: rancher..a: is not a key (keys with dots between them, such as rancher.debug)\n<kernel command line>: warning: is not a key (keys with dots between them, such as rancher.debug)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, report := ParseCmdline(tt.line)
			require.Equal(t, "kernel command line", l.Name)
			require.Equal(t, tt.problems, messages(report))
			require.Equal(t, tt.want, values(t, l.Doc))
			if l.Doc.Root != nil {
				require.Equal(t, CmdlineFile, l.Doc.Pos(l.Doc.Root).String())
			}
		})
	}
}

func TestParametersKnowWhereTheyBegin(t *testing.T) {
	t.Parallel()
	l, report := ParseCmdline(`quiet rancher.a=ä  "cc.b=x y" rancher.l=[p,q] rancher..x`)
	column := func(path ...string) int { return l.Doc.Pos(lookup(l.Doc.Root, path)).Col }
	require.Equal(t, 7, column("rancher", "a"))
	require.Equal(t, 21, column("b"), "columns count bytes, as boot loaders do")
	require.Equal(t, 32, column("rancher", "l"))
	require.Equal(t, 32, column("rancher", "l", "1"))
	require.Equal(t, 7, column("rancher"))
	require.Equal(t, Pos{File: CmdlineFile, Col: 48}, report[0].Pos)
}

func TestTextOnTheCommandLineIsTakenAsWritten(t *testing.T) {
	t.Parallel()
	l, report := ParseCmdline(`rancher.password=0123 cc.hostname=1e3 rancher.state.dev=LABEL=RANCHER_STATE rancher.state.autoformat=[/dev/sda,/dev/vda] rancher.autologin=ttyS0`)
	require.Empty(t, report)
	require.Empty(t, Validate(l))
	c, report := Merge(l).Config()
	require.Empty(t, report)
	require.Equal(t, "0123", c.Rancher.Password)
	require.Equal(t, "1e3", c.Hostname)
	require.Equal(t, "LABEL=RANCHER_STATE", c.Rancher.State.Dev)
	require.Equal(t, []string{"/dev/sda", "/dev/vda"}, c.Rancher.State.Autoformat)
	require.Equal(t, "ttyS0", c.Rancher.Autologin)
}

func TestWhatIsForInitIsNotPublic(t *testing.T) {
	for line, want := range map[string]struct {
		public string
		hides  bool
	}{
		"console=ttyS0 rancher.debug":                        {"console=ttyS0 rancher.debug", false},
		"console=ttyS0 --":                                   {"console=ttyS0", false},
		"console=ttyS0 -- rancher.password=secret":           {"console=ttyS0", true},
		`rancher.a="x -- y" -- rancher.password="a -- b" --`: {`rancher.a="x -- y"`, true},
		"-- rancher.password=secret":                         {"", true},
	} {
		if public, hides := PublicCmdline(line); public != want.public || hides != want.hides {
			t.Errorf("%s: got %q, %t; want %q, %t", line, public, hides, want.public, want.hides)
		}
	}
}
