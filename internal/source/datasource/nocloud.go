package datasource

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// noCloud is a NoCloud seed that the kernel command line or the firmware names,
// ds=nocloud;s=https://example.com/seed/;i=web1;h=web1, or a disk labelled cidata,
// by seedfrom in its meta-data.
type noCloud struct {
	web  *web
	root string
	seat string // of the four documents, with a slash at the end; "" when there is none
	// known is what was said beside the address; its meta-data ranks before that of
	// the address, as with cloud-init.
	known source.Seed
}

// openNoCloud takes the disk, else the words on the command line, else what the
// firmware calls its serial number.
func openNoCloud(o opening) (Datasource, error) {
	n := &noCloud{web: o.web, root: o.root}
	if o.disk != nil {
		n.known = *o.disk
		n.seat = o.platform.seat(cloudconfig.SeedFrom(n.known.MetaData))
		return n, nil
	}
	words, found := noCloudWords(o.cmdline)
	if !found {
		words, found = noCloudWords(o.platform.Serial)
	}
	if !found {
		return nil, errors.New("there is neither a disk labelled cidata, nor ds=nocloud on the kernel command line or as serial number")
	}
	var m metaData
	for _, w := range strings.Split(words, ";") {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "s", "seedfrom":
			n.seat = o.platform.seat(value)
		case "i", "instance-id":
			m.InstanceID = o.platform.expand(value)
		case "h", "local-hostname":
			m.Hostname = o.platform.expand(value)
		}
	}
	if m.empty() {
		return n, nil
	}
	var err error
	n.known.MetaData, err = m.marshal()
	return n, err
}

// seat is the address of a folder, "" when there is none.
func (p Platform) seat(text string) string {
	text = p.expand(text)
	if text != "" && !strings.HasSuffix(text, "/") {
		text += "/"
	}
	return text
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

// expand puts words of the firmware into an address. What is no word stays: it is
// in the address that did not answer, for whoever reads that.
func (p Platform) expand(text string) string {
	var pairs []string
	for name, value := range p.words {
		pairs = append(pairs, "__dmi."+name+"__", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Fetch gets the documents. As with cloud-init a seat that has none is a mistake of
// whoever named it; of what was said beside it nothing is used until it answers.
func (n *noCloud) Fetch(ctx context.Context) (source.Seed, error) {
	g := &gather{fetch: n.document}
	var s source.Seed
	if n.seat != "" {
		s.MetaData = g.bytes(ctx, n.seat+"meta-data")
		s.UserData = g.bytes(ctx, n.seat+"user-data")
		s.VendorData = g.bytes(ctx, n.seat+"vendor-data")
		s.NetworkConfig = g.bytes(ctx, n.seat+"network-config")
		switch {
		case len(g.errs) == 0 && !g.found:
			return source.Seed{}, permanentError{errors.New(source.ShownURL(n.seat) + " has neither meta-data nor user-data")}
		case s.Empty() && len(g.errs) > 0:
			return g.done(s)
		}
	}
	g.found = true
	return g.done(n.beside(g, s))
}

// beside adds what was said beside the address to what the address has.
func (n *noCloud) beside(g *gather, s source.Seed) source.Seed {
	if len(n.known.MetaData) > 0 {
		merged, err := cloudconfig.MergeMetaData(n.known.MetaData, s.MetaData)
		g.note(err)
		s.MetaData = merged
	}
	for _, part := range []struct{ has, known *[]byte }{
		{&s.UserData, &n.known.UserData}, {&s.VendorData, &n.known.VendorData}, {&s.NetworkConfig, &n.known.NetworkConfig},
	} {
		if len(*part.has) == 0 {
			*part.has = *part.known
		}
	}
	return s
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
