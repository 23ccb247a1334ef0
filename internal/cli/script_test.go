package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"ros":            func() { os.Exit(Main(os.Args, Build{Version: "v1", Compose: "v2"})) },
		"cloud-init-per": func() { os.Exit(Main(os.Args, Build{Version: "v1", Compose: "v2"})) },
	})
}

// Each script is a session on a machine whose files lie below $WORK. What is in
// $WORK/repo is served at $REPO, until the script says offline.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			repo := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(env.WorkDir, "repo"))))
			env.Setenv("REPO", repo.URL)
			env.Values["repo"] = repo
			env.Defer(repo.Close)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"offline": func(ts *testscript.TestScript, _ bool, _ []string) {
				if repo, ok := ts.Value("repo").(*httptest.Server); ok {
					repo.Close()
				}
			},
		},
	})
}
