package cloudconfig

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// TestNetworkConfigProblems reads testdata/network/*.txtar: a document, and the
// problems that are to be found in it.
func TestNetworkConfigProblems(t *testing.T) {
	t.Parallel()
	testArchives(t, "testdata/network/*.txtar", 1, func(_ *testing.T, a *txtar.Archive) *txtar.Archive {
		_, report := ParseNetworkConfig("network-config", a.Files[0].Data)
		problems := txtar.File{Name: "problems", Data: reportText(report)}
		return &txtar.Archive{Comment: a.Comment, Files: []txtar.File{a.Files[0], problems}}
	})
}

func TestNetworkConfigIsTyped(t *testing.T) {
	t.Parallel()
	n, report := ParseNetworkConfig("x", []byte("network:\n  version: 2\n  ethernets:\n    eth0: {dhcp4: true, dhcp4-overrides: {use-dns: false}}\n"))
	require.Empty(t, report)
	require.True(t, n.Ethernets["eth0"].DHCP4)
	require.False(t, *n.Ethernets["eth0"].DHCP4Overrides.UseDNS)
	empty, report := ParseNetworkConfig("x", nil)
	require.Empty(t, report)
	require.Equal(t, NetworkConfig{}, empty)
}

func FuzzParseNetworkConfig(f *testing.F) {
	files, err := filepath.Glob("testdata/network/*.txtar")
	require.NoError(f, err)
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		require.NoError(f, err)
		f.Add(a.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, report := ParseNetworkConfig("x", data)
		for _, p := range report {
			if p.Pos.File != "x" || p.Msg == "" {
				t.Fatalf("a problem without a place or a message: %+v", p)
			}
		}
	})
}
