package pin

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	sum := Sum([]byte("x"))
	for _, tt := range []struct {
		text    string
		want    Ref
		problem string
	}{
		{"https://example.com/web.yml", Ref{URL: "https://example.com/web.yml"}, ""},
		{"http://example.com/a?b=c#sha256=" + strings.ToUpper(sum), Ref{"http://example.com/a?b=c", sum}, ""},
		{"https://example.com/#sha256=" + sum[1:], Ref{}, "not a SHA-256 sum"},
		{"https://example.com/#sha256=", Ref{}, "not a SHA-256 sum"},
		{"https://example.com/#top", Ref{}, "nothing but sha256= may follow"},
		{"https://example.com/##sha256=" + sum, Ref{}, "nothing but sha256= may follow"},
		{"ftp://example.com/", Ref{}, "has to begin with https://"},
		{"https:///web.yml", Ref{}, "and a host"},
		{"https://u:secret@exam ple.com/", Ref{}, "not an address"},
	} {
		got, err := Parse(tt.text)
		switch {
		case (err == nil) != (tt.problem == "") || got != tt.want:
			t.Errorf("%s: %+v, %v; want %+v, %q", tt.text, got, err, tt.want, tt.problem)
		case err != nil && (!strings.Contains(err.Error(), tt.problem) || strings.Contains(err.Error(), "secret")):
			t.Errorf("%s: %v, want %q", tt.text, err, tt.problem)
		}
	}
}

func TestWhatIsPinnedIsTheSameForAll(t *testing.T) {
	r := Ref{URL: "http://u:secret@example.com/x", SHA256: Sum([]byte("x"))}
	if !r.AcceptsText([]byte("x")) || r.AcceptsText([]byte("y")) || !(Ref{}).AcceptsText([]byte("y")) {
		t.Error("a pin accepts its text, and no pin any")
	}
	if r.Exposed() || !(Ref{URL: "HTTP://example.com"}).Exposed() || (Ref{URL: "https://example.com"}).Exposed() {
		t.Error("what is fetched over http is exposed unless it is pinned")
	}
	if got := r.String(); got != "http://u:xxxxx@example.com/x" {
		t.Errorf("shown as %s", got)
	}
}
