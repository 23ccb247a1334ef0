package cloudconfig

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func TestUnsetValue(t *testing.T) {
	t.Parallel()
	tests := []editCase{
		{"what is not there leaves the text alone", "a:   1\n", "unset b.c", "", "a:   1\n"},
		{"a key", "a: 1\nb: 2 # two\nc: 3\n", "unset b", "", "a: 1\nc: 3\n"},
		{"the first key leaves what is above", "#cloud-config\n# mine\na: 1\nb: 2\n", "unset a", "", "#cloud-config\n# mine\nb: 2\n"},
		{"the last key", "a: 1\nb: 2\n# end\n", "unset b", "", "a: 1\n# end\n"},
		{"the only key", "#cloud-config\na: 1\n", "unset a", "", "#cloud-config\n"},
		{"the only key with the maps around it", "#cloud-config\nhostname: x\na:\n  b:\n    c: 1\n", "unset a.b.c", "", "#cloud-config\nhostname: x\n"},
		{"the only key of an item leaves an empty map", "l:\n- a: 1 # c\n- b\n", "unset l.0.a", "", "l:\n- {}\n- b\n"},
		{"the comment right above goes with it", "a: 1\n# about b\n# more\nb: 2\n# about c\nc: 3\n", "unset b", "", "a: 1\n# about c\nc: 3\n"},
		{"comments apart stay", "a: 1\n# section\n\n# about b\nb: 2\n\n# other\nc: 3\n", "unset b", "", "a: 1\n# section\n\n\n# other\nc: 3\n"},
		{"comments of another indentation stay", "a:\n  b: 1\n # odd\n  c: 2\n", "unset a.c", "", "a:\n  b: 1\n # odd\n"},
		{"comments within and deeper go", "a:\n  b: 1 # x\n  # y\n\n    # z\n\n# end\nc: 1\n", "unset a", "", "\n# end\nc: 1\n"},
		{"a literal text", "a: 1\nb: |\n  # x\n\n  y\n\nc: 3\n", "unset b", "", "a: 1\n\nc: 3\n"},
		{"lines of a quoted text are no comments", "a: \"x\n# y\n\"\nb: 1\n", "unset b", "", "a: \"x\n# y\n\"\n"},
		{"no final newline", "a: 1\nb: 2", "unset b", "", "a: 1"},
		{"no final newline behind a literal text", "a: |\n  x\nb: 2", "unset b", "", "a: |\n  x\n"},
		{"blank lines that would become part of the text above", "a: |+\n  x\nb: 2\n\n\nc: 3\n", "unset b", "", "a: |+\n  x\nc: 3\n"},
		{"CRLF", "a: 1\r\n# c\r\nb: 2\r\nc: 3\r\n", "unset b", "", "a: 1\r\nc: 3\r\n"},
		{"the first key of a compact map", "l:\n  - a: 1 # x\n    b: 2\n", "unset l.0.a", "", "l:\n  - b: 2\n"},
		{"the first key of a compact map above a comment", "l:\n  - a: 1\n    # about b\n    b: 2\n", "unset l.0.a", "", "l:\n  -\n    # about b\n    b: 2\n"},
		{"another key of a compact map", "l:\n  - a: 1\n    b: 2 # x\n  - c\n", "unset l.0.b", "", "l:\n  - a: 1\n  - c\n"},
		{"an item", "l:\n- a\n# about b\n- b: 1\n  c: 2 # x\n- d\n", "unset l.1", "", "l:\n- a\n- d\n"},
		{"the first item of a list in a list", "l:\n- - a\n  - b # x\n", "unset l.0.0", "", "l:\n- - b # x\n"},
		{"the only item leaves an empty list", "l: # c\n  - a\nb: 1\n", "unset l.0", "", "l: [] # c\nb: 1\n"},
		{"an item between brackets", "l: [a, b, c] # x\n", "unset l.1", "", "l: [a, c] # x\n"},
		{"the first item between brackets", "l: [ a, b ]\n", "unset l.0", "", "l: [ b ]\n"},
		{"the last key between brackets", "a: {b: 1, \"c\": [2]}\n", "unset a.c", "", "a: {b: 1}\n"},
		{"the last item between brackets before a comma", "l: [a, b, ]\n", "unset l.1", "", "l: [a, ]\n"},
		{"a line between brackets", "l: [\n  a, # x\n  # about b\n  b, # y\n  c # z\n]\n", "unset l.1", "", "l: [\n  a, # x\n  c # z\n]\n"},
		{"the last line between brackets", "l: [\n  a, # x\n  b # y\n]\n", "unset l.1", "", "l: [\n  a # x\n]\n"},
		{"a key behind a question mark", "? a\n: 1\n? b\n: 2\n", "unset b", "", "? a\n: 1\n"},
		{"a key of an alias", "a: &x {k: 1, l: 2}\nb: *x # c\n", "unset b.k", "", "a: &x {k: 1, l: 2}\nb: {l: 2} # c\n"},
		{"a merged key", "a: &x {k: 1}\nb: {<<: *x, l: 2}\n", "unset b.k", "", "a: &x {k: 1}\nb: {l: 2}\n"},
		{"a key with an anchor that others use", "a: &x\n  k: 1\nb:\n  <<: *x # c\n  l: 2\n", "unset a", "", "b:\n  <<: # c\n    k: 1\n  l: 2\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

func TestSetValueWithAliases(t *testing.T) {
	t.Parallel()
	tests := []editCase{
		{"an alias is written out, others stay", "a: &x {k: 1}\nb: *x # c\nc: *x\n", "set b.k", "2", "a: &x {k: 1}\nb: {k: 2} # c\nc: *x\n"},
		{"comments of an anchor are its own", "a: &x # c\n  # d\n  k: 1 # e\n  l: 2\nb: *x\nc:\n  <<: *x\n", "set b.k", "2", "a: &x # c\n  # d\n  k: 1 # e\n  l: 2\nb:\n  k: 2\n  l: 2\nc:\n  <<: *x\n"},
		{"a comment behind a dash is not repeated", "x: &x {m: 1}\nl:\n  - # c\n    <<: *x\n    a: 1 # d\n", "unset l.0.m", "", "x: &x {m: 1}\nl:\n  - # c\n    a: 1 # d\n"},
		{"an alias is replaced", "a: &x 1\nb: *x # c\n", "set b", "2", "a: &x 1\nb: 2 # c\n"},
		{"aliases of what changes keep what they meant", "a: &x {k: 1}\nb: *x\nc: [*x] # d\n", "set a.k", "2", "a: &x {k: 2}\nb: {k: 1}\nc: [{k: 1}] # d\n"},
		{"aliases of what goes keep what they meant", "a: &x 1 # c\nb: *x\n", "set a", "2", "a: 2 # c\nb: 1\n"},
		{"an anchor in lines", "a: &x # c\n  k: 1 # d\nb: *x\nc: 3\n", "set a.k", "2", "a: &x # c\n  k: 2 # d\nb:\n  k: 1\nc: 3\n"},
		{"aliases of what stays stay", "a: &x 1\nb: *x\nc: 2\n", "set c", "3", "a: &x 1\nb: *x\nc: 3\n"},
		{"a merged key is overridden", "a: &x {k: 1}\nb:\n  <<: *x\n  l: 2\n", "set b.k", "3", "a: &x {k: 1}\nb:\n  <<: *x\n  l: 2\n  k: 3\n"},
		{"a key within a merged map", "a: &x {k: {m: 1}}\nb:\n  <<: *x # c\n", "set b.k.n", "3", "a: &x {k: {m: 1}}\nb:\n  <<: *x # c\n  k: {m: 1, n: 3}\n"},
		{"maps that others merge", "a: &x\n  k: 1\nb:\n  <<: *x\n  l: 2\n", "set a.k", "3", "a: &x\n  k: 3\nb:\n  <<:\n    k: 1\n  l: 2\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

func TestMergeInto(t *testing.T) {
	t.Parallel()
	tests := []editCase{
		{"an empty patch leaves the text alone", "a:   1\n", "merge", "# nothing\n", "a:   1\n"},
		{"a patch of what is there leaves the text alone", "a:   1 # x\n", "merge", "a: 1\n", "a:   1 # x\n"},
		{"into nothing", "", "merge", "a: 1\n", "a: 1\n"},
		{
			"maps are merged, lists replaced, comments kept", "#cloud-config\n# a\na: # map\n  b: 1   # one\n  l: [ 1 ]\n\nz: 0\n", "merge", "#cloud-config\na:\n  l: [2]\n  c: 3 # new\n",
			"#cloud-config\n# a\na: # map\n  b: 1   # one\n  l: [ 2 ]\n  c: 3 # new\n\nz: 0\n",
		},
		{
			"new keys bring their comments", "rancher:\n    debug: true # x\n# end\n", "merge", "# about services\nrancher:\n  # the web\n  services:\n    # nginx\n    web: # one\n      image: nginx # two\n      ports:\n      - 80:80\nhostname: x\n",
			"rancher:\n    debug: true # x\n    # the web\n    services:\n        # nginx\n        web: # one\n            image: nginx # two\n            ports:\n                - 80:80\nhostname: x\n# end\n",
		},
		{"several places at once", "a: {b: 1}\nc:\n- 1\nd: x\n", "merge", "a: {c: 2}\nc: [1, 2]\nd: y\ne: z\n", "a: {b: 1, c: 2}\nc:\n- 1\n- 2\nd: y\ne: z\n"},
		{"a comment comes where there was none", "a: 1\nb: 2 # mine\n", "merge", "a: 3 # yours\nb: 4 # yours\n", "a: 3 # yours\nb: 4 # mine\n"},
		{"a patch may append", "l:\n  - 1 # one\n", "merge", "merge_how: list(append)+dict(recurse_array)+str()\nl: [2]\n", "l:\n  - 1 # one\n  - 2\n"},
		{"null stays, for the layers below", "a: {b: 1}\n", "merge", "a: {b: null}\n", "a: {b: null}\n"},
		{"a map over a text", "a: 1 # c\n", "merge", "a: {b: 2}\n", "a: {b: 2} # c\n"},
		{"aliases of the patch are written out", "a: 1\n", "merge", "x: &x {k: 1}\ny: *x\n", "a: 1\nx: {k: 1}\ny: {k: 1}\n"},
		{"CRLF into LF", "a: 1\n", "merge", "b:\r\n  c: 2\r\n", "a: 1\nb:\n  c: 2\n"},
		{"into the innermost of the last", "a:\n  b:\n    c: 1", "merge", "a:\n  b:\n    d: 2\n  e: 3\nf: 4\n", "a:\n  b:\n    c: 1\n    d: 2\n  e: 3\nf: 4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
	_, err := MergeInto([]byte("a: 1"), []byte("a: [1"))
	require.ErrorContains(t, err, "cannot merge: ")
	require.ErrorContains(t, err, "patch:1:4: is not valid YAML")
}

func TestAppendValueOver(t *testing.T) {
	t.Parallel()
	lower := layer(t, "os-config", "rancher: {modules: [a, b], name: x, empty: null}\nwrite_files:\n- path: /a # c\n").Doc
	tests := []struct{ name, doc, path, value, want string }{
		{"no list begins with that of the layers below", "", "rancher.modules", "c", "rancher:\n  modules:\n    - a\n    - b\n    - c\n"},
		{"items that are maps are copied", "", "write_files", "{path: /b}", "write_files:\n  - path: /a\n  - {path: /b}\n"},
		{"a list of its own is taken", "rancher: {modules: [x]}\n", "rancher.modules", "c", "rancher: {modules: [x, c]}\n"},
		{"null is taken, which removes what is below", "rancher:\n  modules:\n", "rancher.modules", "c", "rancher:\n  modules:\n    - c\n"},
		{"a layer that appends needs no copy", "merge_how: list(append)+dict(recurse_array)+str()\n", "rancher.modules", "c", "merge_how: list(append)+dict(recurse_array)+str()\nrancher:\n  modules:\n    - c\n"},
		{"null below is no list", "", "rancher.empty", "c", "rancher:\n  empty:\n    - c\n"},
		{"nothing below", "", "runcmd", "[a, b]", "runcmd:\n  - [a, b]\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path, err := SplitPath(tt.path)
			require.NoError(t, err)
			got, err := AppendValueOver([]byte(tt.doc), path, lower.Lookup(path...), tt.value)
			require.NoError(t, err)
			require.Equal(t, tt.want, string(got))
		})
	}
	for _, n := range []*yaml.Node{lower.Lookup("rancher", "name"), lower.Lookup("rancher")} {
		_, err := AppendValueOver(nil, []string{"a"}, n, "x")
		require.ErrorContains(t, err, "cannot add to a: it is ")
	}
	_, err := AppendValue([]byte("a: x\n"), []string{"a"}, "y")
	require.EqualError(t, err, "cannot add to a: it is a text, and no list")
	_, err = AppendValue(nil, nil, "y")
	require.EqualError(t, err, "cannot add a value without a key")
}
