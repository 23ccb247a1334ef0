package setting

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
)

// nfsVersions are tried one after the other when an entry does not say which one
// it wants. Version 4.2 is for those who ask for it: what it adds for files with
// holes makes whole files zeros with servers that are wrong about them
// (nfs-ganesha 4.3).
var nfsVersions = []string{"4.1", "4.0", "3"}

// isNFS says whether the kernel can mount a file system of this type without a
// program that knows it.
func isNFS(fstype string) bool { return fstype == "nfs" || fstype == "nfs4" }

// mountNFS has the kernel mount what a server exports. What mount.nfs would do
// besides is little: it finds the server's address, and tries versions. The mount
// is made by a process of its own, which can be ended when nobody answers.
func (p *pass) mountNFS(ctx context.Context, w wantedMount, target string) error {
	host, _, err := net.SplitHostPort(strings.Replace(w.Source, ":/", ":0/", 1))
	if err != nil {
		return fmt.Errorf("%q is not the form server:/folder", w.Source)
	}
	address, err := p.m.kernel.resolve(ctx, host)
	if err != nil {
		return err
	}
	versions := nfsVersions
	switch {
	case nfsVersion(w.Options) != "":
		versions = []string{""}
	case w.Type == "nfs4":
		versions = slices.DeleteFunc(slices.Clone(versions), func(v string) bool { return v == "3" })
	}
	var errs []error
	for _, v := range versions {
		argv := []string{"mount", "-i", "-t", "nfs", "-o", strings.Join(nfsOptions(w, v, address), ","), w.Source, target}
		if err = p.m.kernel.run(ctx, "", argv...); err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		errs = append(errs, err)
	}
	return errs[0]
}

// nfsOptions are what the kernel needs to be told. Version 3 has locks through a
// daemon that this system has not.
func nfsOptions(w wantedMount, version, address string) []string {
	options := slices.DeleteFunc(mountWords(w.Options), func(o string) bool {
		return o == "bg" || o == "fg" || strings.HasPrefix(o, "retry=")
	})
	if version != "" {
		options = append(options, "vers="+version)
	} else {
		version = nfsVersion(w.Options)
	}
	if version == "3" && !w.has("nolock") {
		options = append(options, "nolock")
	}
	return append(options, "addr="+address)
}

// nfsVersion is the version that options name.
func nfsVersion(options []string) string {
	for _, o := range options {
		for _, key := range []string{"vers=", "nfsvers="} {
			if v, ok := strings.CutPrefix(o, key); ok {
				return v
			}
		}
	}
	return ""
}

// resolve finds the address of a server.
func resolve(ctx context.Context, host string) (string, error) {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", fmt.Errorf("cannot find the server: %w", err)
	}
	return addresses[0].Unmap().String(), nil
}
