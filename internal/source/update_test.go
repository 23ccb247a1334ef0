package source_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ros-os/ros/internal/source"
)

func TestConcurrentUpdatesLoseNothing(t *testing.T) {
	root := t.TempDir()
	const writers, each = 8, 10
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range each {
				err := source.Update(root, source.Change{Edit: func(old []byte) ([]byte, error) {
					n, _ := strconv.Atoi(string(old))
					return []byte(strconv.Itoa(n + 1)), nil
				}})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	path := filepath.Join(root, source.CloudConfigFile)
	data, err := os.ReadFile(path)
	if err != nil || string(data) != strconv.Itoa(writers*each) {
		t.Errorf("counted to %q, want %d (%v)", data, writers*each, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
	}
}

func TestARefusedUpdateLeavesTheFile(t *testing.T) {
	root := machine(t, map[string]string{source.CloudConfigFile: "hostname: a\n"})
	want := errors.New("no")
	err := source.Update(root, source.Change{Edit: func([]byte) ([]byte, error) { return []byte("x"), want }})
	data, readErr := os.ReadFile(filepath.Join(root, source.CloudConfigFile))
	if !errors.Is(err, want) || readErr != nil || !bytes.Equal(data, []byte("hostname: a\n")) {
		t.Errorf("got %v, %q, %v", err, data, readErr)
	}
}

func TestWatchFileTellsOfItsFileAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "network")
	path := filepath.Join(dir, "status.json")
	ctx, cancel := context.WithCancel(t.Context())
	changed, ended := make(chan struct{}, 9), make(chan error, 1)
	go func() { ended <- source.WatchFile(ctx, path, func() { changed <- struct{}{} }) }()
	defer func() {
		cancel()
		require.NoError(t, <-ended)
	}()
	require.Eventually(t, func() bool {
		require.NoError(t, os.MkdirAll(dir, 0o700))
		require.NoError(t, source.WriteFile(path, []byte("{}\n")))
		select {
		case <-changed:
			return true
		case <-time.After(200 * time.Millisecond):
			return false
		}
	}, 10*time.Second, 10*time.Millisecond)
	for quiet := false; !quiet; { // on a busy host a write before the last may be told of only now
		select {
		case <-changed:
		case <-time.After(time.Second):
			quiet = true
		}
	}
	require.NoError(t, source.WriteFile(filepath.Join(dir, "settings.json"), []byte("{}\n")))
	select {
	case <-changed:
		t.Error("another file was told of")
	case <-time.After(300 * time.Millisecond):
	}
}
