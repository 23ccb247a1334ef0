package setting

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestTheKernelMountsNFSByItself(t *testing.T) {
	const refused = "Protocol not supported"
	for _, row := range []struct {
		name, entry string
		speaks      string // the option with which the server lets one in
		want        string // what ran last
		problem     string
	}{
		{
			"the newest version that the server speaks", `["nas:/x", /mnt/a, nfs, "ro,bg,_netdev,soft"]`, "vers=4.1",
			"mount -i -t nfs -o ro,soft,vers=4.1,addr=10.0.0.9 nas:/x /mnt/a", "",
		},
		{
			"the third, which has no locks here", `["nas:/x", /mnt/a, nfs]`, "vers=3",
			"mount -i -t nfs -o vers=3,nolock,addr=10.0.0.9 nas:/x /mnt/a", "",
		},
		{
			"the version that is asked for", `["[fd00::9]:/x", /mnt/a, nfs4, vers=4.0]`, "vers=4.0",
			"mount -i -t nfs -o vers=4.0,addr=fd00::9 [fd00::9]:/x /mnt/a", "",
		},
		{
			"nfs4 is never the third", `["nas:/x", /mnt/a, nfs4]`, "vers=3",
			"mount -i -t nfs -o vers=4.0,addr=10.0.0.9 nas:/x /mnt/a", "cannot mount nas:/x at /mnt/a: " + refused,
		},
		{"no such server", `["gone:/x", /mnt/a, nfs4]`, "", "", "cannot mount gone:/x at /mnt/a: no such host"},
		{"no server", `["/x", /mnt/a, nfs4]`, "", "", `cannot mount /x at /mnt/a: "/x" is not the form server:/folder`},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := newHost(t)
			h.m.kernel.has = func(string) bool { return false }
			h.m.kernel.resolve = func(_ context.Context, host string) (string, error) {
				known := map[string]string{"nas": "10.0.0.9", "fd00::9": "fd00::9"}
				if known[host] == "" {
					return "", errors.New("no such host")
				}
				return known[host], nil
			}
			h.m.kernel.run = func(ctx context.Context, stdin string, argv ...string) error {
				argv[len(argv)-1] = h.outside(argv[len(argv)-1])
				if err := h.run(ctx, stdin, argv...); err != nil || strings.Contains(argv[len(argv)-3], row.speaks) {
					return err
				}
				return errors.New(refused)
			}
			got := h.slowly("mounts: [" + row.entry + "]")
			if (got == "") != (row.problem == "") || !strings.Contains(got, row.problem) {
				t.Errorf("told %q, want %q", got, row.problem)
			}
			last := ""
			if len(h.ran) > 0 {
				last = h.ran[len(h.ran)-1]
			}
			if last != row.want {
				t.Errorf("ran %q, want %q last", h.ran, row.want)
			}
		})
	}
}
