package cloudconfig

import "testing"

func TestWhatIsRelativeBeginsBesideTheFile(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"/conf/cloud-config.yml":            "/conf",
		"/conf/.good/cloud-config.yml":      "/conf",
		"/conf/.good/cloud-config.d/10.yml": "/conf/cloud-config.d",
		"/conf/.goods/10.yml":               "/conf/.goods",
		"/conf/compose.d/shop.yml":          "/conf/compose.d",
		"user-data (nocloud)":               ".",
	} {
		if got := (Pos{File: file}).Folder(); got != want {
			t.Errorf("%s: %s", file, got)
		}
	}
}

func TestProblemsAreALineEach(t *testing.T) {
	r := Report{{Msg: "a"}, {Msg: "b", Severity: Warning}, {Msg: "c", Hint: "d"}}
	if err := r.Err(); err == nil || err.Error() != "a\nc (d)" {
		t.Errorf("%v", err)
	}
	if err := r[1:2].Err(); err != nil {
		t.Errorf("%v", err)
	}
}
