package ros_test

import (
	"go/version"
	"os"
	"regexp"
	"testing"
)

// TestDepsFetchAGoThatEveryModuleTakes keeps tools/deps from fetching one Go,
// only for that to fetch another.
func TestDepsFetchAGoThatEveryModuleTakes(t *testing.T) {
	find := func(file, pattern string) string {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(pattern).FindSubmatch(text)
		if found == nil {
			t.Fatalf("%s has nothing like %s", file, pattern)
		}
		return string(found[1])
	}
	fetched := find("tools/deps", `(?m)^toolchain=v0\.0\.1-(go\S+)\.linux-amd64$`)
	if !version.IsValid(fetched) {
		t.Fatalf("tools/deps fetches Go %q", fetched)
	}
	for _, file := range []string{"go.mod", "tools/go.mod", "tools/engine/go.mod"} {
		if wanted := "go" + find(file, `(?m)^go (\S+)$`); version.Compare(fetched, wanted) < 0 {
			t.Errorf("%s asks for %s, tools/deps fetches %s", file, wanted, fetched)
		}
	}
}
