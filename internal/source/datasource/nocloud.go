package datasource

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/ros-os/ros/internal/source"
)

// noCloud is a NoCloud seed that the kernel command line or the firmware names:
// ds=nocloud;s=https://example.com/seed/;i=web1;h=web1
type noCloud struct {
	web      *web
	root     string
	seat     string // of the four documents, with a slash at the end; "" when there is none
	instance string
	hostname string
}

// openNoCloud reads the words on the command line, and what the firmware calls
// its serial number where they are not there.
func openNoCloud(o opening) (Datasource, error) {
	words, found := noCloudWords(o.cmdline)
	if !found {
		words, found = noCloudWords(o.platform.Serial)
	}
	if !found {
		return nil, errors.New("there is neither a disk labelled cidata, nor ds=nocloud on the kernel command line or as serial number")
	}
	n := &noCloud{web: o.web, root: o.root}
	for _, w := range strings.Split(words, ";") {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "s", "seedfrom":
			n.seat = o.platform.expand(value)
		case "i", "instance-id":
			n.instance = o.platform.expand(value)
		case "h", "local-hostname":
			n.hostname = o.platform.expand(value)
		}
	}
	if n.seat != "" && !strings.HasSuffix(n.seat, "/") {
		n.seat += "/"
	}
	return n, nil
}

// noCloudWords finds what stands behind ds=nocloud.
func noCloudWords(text string) (words string, found bool) {
	for _, w := range strings.Fields(text) {
		w = strings.Trim(w, `"'`)
		kind, rest, _ := strings.Cut(w, ";")
		if kind == "ds=nocloud" || kind == "ds=nocloud-net" {
			words, found = rest, true // the last one counts, as with the kernel
		}
	}
	return words, found
}

// expand puts words of the firmware into an address.
func (p Platform) expand(text string) string {
	return strings.NewReplacer(
		"__dmi.chassis-serial-number__", p.ChassisSerial, "__dmi.system-serial-number__", p.Serial, "__dmi.system-uuid__", p.UUID,
		"__dmi.system-manufacturer__", p.Vendor, "__dmi.system-product-name__", p.Product,
	).Replace(text)
}

// Fetch gets the documents. As with cloud-init a seat without meta-data is none.
func (n *noCloud) Fetch(ctx context.Context) (source.Seed, error) {
	g := &gather{fetch: n.document}
	var s source.Seed
	if n.seat != "" {
		s.MetaData = g.bytes(ctx, n.seat+"meta-data")
		s.UserData = g.bytes(ctx, n.seat+"user-data")
		s.VendorData = g.bytes(ctx, n.seat+"vendor-data")
		s.NetworkConfig = g.bytes(ctx, n.seat+"network-config")
		if len(g.errs) == 0 && !g.found {
			return source.Seed{}, permanentError{errors.New(source.ShownURL(n.seat) + " has neither meta-data nor user-data")}
		}
	}
	if n.instance != "" || n.hostname != "" {
		g.found = true
		own := g.marshal(metaData{InstanceID: n.instance, Hostname: n.hostname})
		if len(s.MetaData) == 0 {
			s.MetaData = own
		}
	}
	return g.done(s)
}

func (n *noCloud) document(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err == nil && u.Scheme == "file" || strings.HasPrefix(address, "/") {
		return readFile(filepath.Join(n.root, u.Path))
	}
	return n.web.get(ctx, address, nil)
}

// readFile reads a small file of this machine.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errAbsent
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, permanentError{errors.New(path + " is not a file")}
	case info.Size() > maxAnswer:
		return nil, permanentError{errors.New(path + " is too long")}
	}
	return os.ReadFile(path)
}
