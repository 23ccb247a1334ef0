package source

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
)

const eachProcess = 100

// writers sets keys of its own from many goroutines at once; the number keeps
// processes apart.
func writers(root string, process int) error {
	var all sync.WaitGroup
	failed := make(chan error, eachProcess)
	for i := range eachProcess {
		all.Go(func() {
			failed <- Update(root, Change{
				Author: Author{Command: "set"},
				Edit: func(old []byte) ([]byte, error) {
					return cloudconfig.SetValue(old, writersKey(process, i), "here")
				},
			})
		})
	}
	all.Wait()
	close(failed)
	var err error
	for e := range failed {
		err = errors.Join(err, e)
	}
	return err
}

func writersKey(process, i int) []string {
	return []string{"rancher", "environment", fmt.Sprintf("P%d_%d", process, i)}
}

func TestTwoHundredWritersInTwoProcessesLoseNothing(t *testing.T) {
	root := inMemory(t)
	other := childCommand(t, "writers", root, 2)
	var said bytes.Buffer
	other.Stderr = &said
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if err := writers(root, 1); err != nil {
		t.Error(err)
	}
	if err := other.Wait(); err != nil {
		t.Fatalf("the other process: %v\n%s", err, &said)
	}
	text, err := Current(root)
	if err != nil {
		t.Fatal(err)
	}
	layer, report := cloudconfig.ParseLayer("", "x", text)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	for process := 1; process <= 2; process++ {
		for i := range eachProcess {
			if n := layer.Doc.Lookup(writersKey(process, i)...); n == nil || n.Value != "here" {
				t.Errorf("%v is lost", writersKey(process, i))
			}
		}
	}
	entries, err := History(root)
	if err != nil || len(entries) != mostEntries || entries[len(entries)-1].Number != 2*eachProcess+1 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}
