package cli

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"ros": func() { os.Exit(Main(os.Args, Build{Version: "v1", Compose: "v2"})) },
	})
}

// Each script is a session on a machine whose files lie below $WORK.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true})
}
