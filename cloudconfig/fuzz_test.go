package cloudconfig

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

var seeds = []string{
	"", "#cloud-config\nhostname: x\n", "a: &a {b: *a}\n", "a: &a [*a]\n", "&x a: *x\n", "a: &a\n  <<: *a\n",
	"a: &x {k: 1}\nb: *x\n", "a: &x {k: 1}\nb:\n  <<: *x\n", "a: [1\n", "a:\n\tb: 1\n", "a: 1\n---\nb: 2\n", "? {a: 1}\n: 2\n",
	"merge_how: list(append)+dict(recurse_array)+str()\nl: [1]\n", "rancher:\n  services:\n    a: {image: b, environment: {A: }}\n",
	"rancher: {environment: [A=1], network: {interfaces: {\"eth1.100\": {address: 10.0.0.1/24}}}}\n",
	"write_files:\n  - path: /a # c\n    content: |\n      x\n       y\n", "a: !!binary aGk=\nb: !x y\n", "\xef\xbb\xbfa: 1\r\n",
	"ssh_authorized_keys: null\n", "a: >-\n  x\n\n  y\n# end\n", "a: \"\\u263a\"\n", "- a\n", "runcmd: [[a, b], c]\n",
}

// FuzzParseLayer: whatever the text, problems have places inside of it, a layer is
// a plain tree that knows its file, and goes through validation, merge and export.
func FuzzParseLayer(f *testing.F) {
	for _, s := range append(seeds, inputs(f)...) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fuzzSize {
			return
		}
		l, report := ParseLayer("user-data", "f", data)
		text := normalise(data)
		checkReport(t, text, report)
		if l.Doc.Root == nil {
			return
		}
		if l.Doc.Root.Kind != yaml.MappingNode {
			t.Fatal("not a map at the top")
		}
		checkNodes(t, l.Doc, l.Doc.Root)
		checkReport(t, text, Validate(l))
		m := Merge(l)
		_, report = m.Config()
		checkReport(t, text, report)
		if _, err := m.Export(ExportOptions{}); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzSyntax: no text is refused without a mistake inside of it that is told on
// one line.
func FuzzSyntax(f *testing.F) {
	for _, s := range append(seeds, inputs(f)...) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fuzzSize {
			return
		}
		text := normalise(data)
		if encodingProblem("f", text) != nil {
			return
		}
		if m := firstMistake(text); m != nil && (m.at < 0 || m.at > len(text) || m.msg == "") {
			t.Fatalf("mistake at %d of %d: %q", m.at, len(text), m.msg)
		}
		_, problem := parseDocument("f", text)
		if problem == nil {
			return
		}
		checkReport(t, text, Report{*problem})
		if said := problem.String(); strings.Contains(said, "\n") || !utf8.ValidString(said) {
			t.Fatalf("%q", said)
		}
	})
}

func FuzzMetaData(f *testing.F) {
	for _, s := range append(seeds,
		"instance-id: i-1\nlocal-hostname: db1.\npublic-keys: [a, b]\n", `{"hostname": "a", "public_keys": {"b": "ssh-rsa A\n"}, "x": "\ud83d\ude00\u00e4\\u\/"}`,
		"public-keys: {\"0\": {openssh-key: k}}\n", `{"public_ipv4": "1.2.3.4", "local-ipv4": ["10.0.0.1/8"], "ipv6": "::1 ::2"}`, "{\"a\":\t[1,\n2]\r\n}",
		"{\"a b :c\"\t\n\t: [\"d\n\" ]\r}", "{\"a\"\n:\n[1 ,{\"b\"\n\n:2}]}", `{"a": " : \" : "}`,
	) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fuzzSize {
			return
		}
		l, report := ParseMetaData("meta-data", "f", data)
		checkReport(t, normalise(jsonAsYAML(data)), report)
		if isJSON(data) {
			for _, p := range report {
				if strings.HasPrefix(p.Msg, "is not valid YAML") {
					t.Fatalf("JSON is refused: %v", p)
				}
			}
		}
		for _, addr := range []string{ParseFacts(data).PublicIPv4, ParseFacts(data).PrivateIPv6} {
			if strings.ContainsAny(addr, " \n$%") {
				t.Fatalf("not an address: %q", addr)
			}
		}
		if l.Doc.Root == nil {
			return
		}
		checkNodes(t, l.Doc, l.Doc.Root)
		for i := 0; i < len(l.Doc.Root.Content); i += 2 {
			if key := l.Doc.Root.Content[i].Value; key != "hostname" && key != sshKeys {
				t.Fatalf("%q is no configuration", key)
			}
		}
		if host := l.Doc.Lookup("hostname"); host != nil && len(host.Value) > maxHostname {
			t.Fatalf("host name of %d bytes", len(host.Value))
		}
	})
}

func isJSON(data []byte) bool {
	var v map[string]any
	return utf8.Valid(data) && json.Unmarshal(data, &v) == nil
}

// FuzzSubstitute: what is replaced is gone, an escape is not, nothing else is
// touched, and doing it again with other facts changes only what was escaped.
func FuzzSubstitute(f *testing.F) {
	for i, s := range append(seeds, "a: $private_ipv4\n", "a: \\$private_ipv4x${public_ipv4}\n", "rancher: {services: {s: {command: [$public_ipv6]}}}\n",
		"write_files: [{path: $private_ipv6}, {path: b}]\n", "$private_ipv4: 1\n10.0.0.1: 2\n", "a: [[$public_ipv4], {b: ${private_ipv4}}]\n") {
		f.Add([]byte(s), i%2 == 0)
	}
	some := Facts{PrivateIPv4: "10.0.0.1", PublicIPv6: "2001:db8::1"}
	all := Facts{PrivateIPv4: "10.0.0.1", PublicIPv4: "192.0.2.1", PublicIPv6: "2001:db8::1", PrivateIPv6: "fd00::1"}
	f.Fuzz(func(t *testing.T, data []byte, few bool) {
		l, report := ParseLayer("user-data", "f", data)
		if len(data) > fuzzSize || report.Err() != nil || l.Doc.Root == nil {
			return
		}
		facts := all
		if few {
			facts = some
		}
		refers, escapes := bytes.Contains(data, []byte("_ipv")), bytes.Contains(data, []byte(`\`))
		out, report := Substitute(l, facts)
		checkReport(t, normalise(data), report)
		checkNodes(t, out.Doc, out.Doc.Root)
		switch {
		case !refers && !escapes && (!sameValue(l.Doc.Root, out.Doc.Root) || len(report) > 0):
			t.Fatal("a text without references is changed")
		case !escapes && refersAnywhere(out.Doc.Root):
			t.Fatal("a reference is left")
		case !few && len(report) == 0 && countNodes(l.Doc.Root) != countNodes(out.Doc.Root):
			t.Fatal("something is left out silently")
		}
	})
}

func refersAnywhere(n *yaml.Node) bool {
	found := reference.MatchString(n.Value)
	for _, c := range n.Content {
		found = found || refersAnywhere(c)
	}
	return found
}

func countNodes(n *yaml.Node) int {
	count := 1
	for _, c := range n.Content {
		count += countNodes(c)
	}
	return count
}

// fuzzSize bounds what fuzzing tries: what goes wrong does so in short texts too,
// and many of them are tried in the time of a long one.
const fuzzSize = 1 << 10

// checkReport wants of every problem what a person needs, and a place that is
// inside of the text.
func checkReport(t *testing.T, text []byte, report Report) {
	t.Helper()
	for _, p := range report {
		if p.Msg == "" || p.Pos.File == "" || p.Pos.Line < 1 || p.Pos.Col < 1 {
			t.Fatalf("incomplete: %+v", p)
		}
		begin := offsetOf(text, p.Pos.Line)
		end := lineEnd(text, begin)
		if posAt("f", text, begin).Line != p.Pos.Line || utf8.RuneCount(text[begin:end])+1 < p.Pos.Col {
			t.Fatalf("outside of the text: %v", p)
		}
	}
}

// checkNodes wants a plain tree in which every node knows its file.
func checkNodes(t testing.TB, d Document, n *yaml.Node) {
	t.Helper()
	if n.Kind == yaml.AliasNode || n.Anchor != "" || d.Pos(n).File == "" {
		t.Fatalf("not a plain node: %+v", n)
	}
	for _, c := range n.Content {
		checkNodes(t, d, c)
	}
}

// inputs are the documents in testdata.
func inputs(f *testing.F) []string {
	f.Helper()
	var texts []string
	for _, pattern := range []string{"testdata/bad/*.txtar", "testdata/real/*.txtar"} {
		for _, text := range archived(f, pattern) {
			if len(text) < 2000 {
				texts = append(texts, text)
			}
		}
	}
	return texts
}

// FuzzParseCmdline: problems have the column of a word, what stands before or
// behind changes nothing, and a value that has no quotes or brackets is read as
// it is written.
func FuzzParseCmdline(f *testing.F) {
	for _, s := range []string{
		"rancher.debug cc.hostname=x", "rancher.a=[a,[b],'c'] rancher.b=\"x y\"", `rancher.a."x.y"=\"z\"`, "cc.", "rancher.=", "rancher.a=[", "rancher.a.a=1 rancher.a=2 rancher.a.b=3",
		`"rancher.a=x y"`, "rancher.p=*x", "rancher.p=&x", "rancher.a=”x y” -- cc.hostname=z", "cc.rancher.x=!!binary", "rancher.x=- rancher.y=?", "rancher.x={a:b}",
		"rancher.a= rancher.b=~ rancher.c=# rancher.d='a''b' rancher.e=0x1f", "cc.write_files=[a] rancher.l=[\"a,b\",c] rancher.m=[]", "-- -- rancher.a", "rancher.a\trancher.b\u00a0rancher.c",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if len(line) > fuzzSize {
			return
		}
		l, report := ParseCmdline(line)
		for _, p := range append(report, Validate(l)...) {
			if p.Pos.String() != CmdlineFile || p.Pos.Col < 0 || p.Pos.Col > len(line)+1 || p.Msg == "" {
				t.Fatalf("%+v", p)
			}
		}
		if l.Doc.Root == nil {
			return
		}
		checkNodes(t, l.Doc, l.Doc.Root)
		_, _ = Merge(l).Config()
		if again, _ := ParseCmdline("quiet " + line); !sameValue(l.Doc.Root, again.Doc.Root) {
			t.Fatal("a word of others changes what is read")
		}
	})
}

// FuzzMerge: merging is associative, and what comes out is a plain tree.
func FuzzMerge(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), []byte(seeds[(i+5)%len(seeds)]), []byte(seeds[(i+9)%len(seeds)]))
	}
	f.Add([]byte("ssh_authorized_keys: [a]\n"), []byte("ssh_authorized_keys: [b, a]\nl: {a: 1}\n"), []byte("merge_how: list(append)+dict(recurse_array)+str()\nl: null\nssh_authorized_keys: [c]\n"))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		if len(a)+len(b)+len(c) > fuzzSize {
			return
		}
		var layers []Layer
		for i, data := range [][]byte{a, b, c} {
			l, report := ParseLayer([]string{"os-config", "meta-data", "user-data"}[i], "f", data)
			if report.Err() != nil {
				return
			}
			layers = append(layers, l)
		}
		m := Merge(layers...)
		if m.Doc.Root != nil {
			checkNodes(t, m.Doc, m.Doc.Root)
		}
		s := newState(layers[0]).with(newState(layers[1]).with(newState(layers[2]))).document()
		if m.Doc.Root == nil || s.Root == nil {
			if m.Doc.Root != s.Root {
				t.Fatal("merging is not associative")
			}
			return
		}
		if !sameValue(m.Doc.Root, s.Root) {
			t.Fatal("merging is not associative")
		}
	})
}

// FuzzMergeOracle: merging does what a plain merge of maps does.
func FuzzMergeOracle(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), []byte(seeds[(i+7)%len(seeds)]), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, a, b []byte, meta bool) {
		if len(a)+len(b) > fuzzSize {
			return
		}
		name := "user-data"
		if meta {
			name = "meta-data"
		}
		var o oracle
		var layers []Layer
		for i, data := range [][]byte{a, b} {
			l, report := ParseLayer([]string{name, "cloud-config"}[i], "f", data)
			if report.Err() != nil || l.Doc.Root == nil {
				return
			}
			value := map[string]any{}
			if !plainTree(l.Doc.Root) || l.Doc.Root.Decode(&value) != nil {
				return
			}
			if value["merge_type"] != nil || value["merge_how"] != nil && !isAppendingText(value["merge_how"]) {
				return
			}
			delete(value, "merge_type")
			o.add(l.Name, value)
			layers = append(layers, l)
		}
		got := map[string]any{}
		if err := Merge(layers...).Doc.Root.Decode(&got); err != nil {
			t.Fatal(err)
		}
		require.Equal(t, o.result(), got)
	})
}

func isAppendingText(v any) bool {
	return v == "list(append)+dict(recurse_array)+str()"
}

// plainTree says that a tree has nothing that the oracle reads differently: keys
// that are no texts, numbers that are not equal to themselves, times.
func plainTree(n *yaml.Node) bool {
	switch n.ShortTag() {
	case "!!float", "!!timestamp", "!!binary", "!!merge":
		return false
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.ShortTag() != "!!str" || !plainTree(c) {
			return false
		}
	}
	return true
}

func FuzzSplitPath(f *testing.F) {
	for _, s := range []string{"a.b", `a."b.c".d`, `'x'.y`, `"\""`, "", ".", "a..b", `"`, "a.0", `a."\\".b`, "ä.ö", `a.'b"c'`, `a"b`, `"a"."b"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		path, err := SplitPath(s)
		if err != nil {
			return
		}
		joined := JoinPath(path...)
		again, err := SplitPath(joined)
		if err != nil || !slices.Equal(path, again) {
			t.Fatalf("%q is read as %q, written as %q, read as %q: %v", s, path, joined, again, err)
		}
		if s != "" && !strings.ContainsAny(s, `"'`) && !slices.Equal(path, strings.Split(s, ".")) {
			t.Fatalf("%q is read as %q", s, path)
		}
	})
}
