package datasource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// guestInfo is what the hypervisor says under a key, "" when it says nothing.
type guestInfo func(ctx context.Context, key string) (string, error)

// vmware reads what VMware's hypervisor says, with the machine's vmware-rpctool
// where it has one, and in the OVF environment on a disk.
type vmware struct {
	web  *web
	root string
	rpc  guestInfo // nil: there is no such program
	uuid string    // of the machine
}

const rpcTool = "vmware-rpctool"

func openVMware(o opening) (Datasource, error) {
	v := &vmware{web: o.web, root: o.root, uuid: strings.ToLower(o.platform.UUID)}
	if tool, err := exec.LookPath(rpcTool); err == nil {
		v.rpc = func(ctx context.Context, key string) (string, error) { return askRPC(ctx, tool, key) }
	}
	return v, nil
}

// askRPC asks the hypervisor. It says "No value found" by exit status 1.
func askRPC(ctx context.Context, tool, key string) (string, error) {
	out, err := exec.CommandContext(ctx, tool, "info-get "+key).Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return "", nil
	case err != nil:
		return "", fmt.Errorf("cannot ask the hypervisor for %s: %w", key, err)
	case len(out) > maxAnswer:
		return "", permanentError{fmt.Errorf("%s is longer than the %d bytes that are allowed", key, maxAnswer)}
	}
	return string(out), nil
}

// Fetch reads cloud-init's keys, those of RancherOS, and the properties that cloud
// images ask for when somebody imports them.
func (v *vmware) Fetch(ctx context.Context) (source.Seed, error) {
	r := vmwareReader{vmware: v}
	env, err := readOVF(v.root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.errs = append(r.errs, err)
	}
	r.properties = env.properties
	var s source.Seed
	s.UserData = r.encoded(ctx, "guestinfo.userdata", "guestinfo.userdata.encoding")
	if s.UserData == nil {
		s.UserData = r.rancherUserData(ctx)
	}
	if s.UserData == nil {
		s.UserData = r.imageUserData()
	}
	s.VendorData = r.encoded(ctx, "guestinfo.vendordata", "guestinfo.vendordata.encoding")
	if meta := r.encoded(ctx, "guestinfo.metadata", "guestinfo.metadata.encoding"); meta != nil {
		s.MetaData = meta
		network, err := networkInMetaData(meta)
		r.note(err)
		s.NetworkConfig = network
	} else {
		r.rancherMetaData(ctx, &s)
	}
	if r.found = !s.Empty(); r.found {
		s.MetaData = r.identified(s.MetaData)
	}
	return r.done(s)
}

// identified is meta-data with the id of the instance; without one it is that of the
// machine, so that a copy of it is told from it.
func (r *vmwareReader) identified(meta []byte) []byte {
	if r.vmware.uuid == "" || cloudconfig.InstanceID(meta) != "" {
		return meta
	}
	id, err := metaData{InstanceID: r.vmware.uuid}.marshal()
	r.note(err)
	merged, err := cloudconfig.MergeMetaData(id, meta)
	if err != nil {
		return meta // whoever reads it tells what is wrong
	}
	return merged
}

// vmwareReader reads keys and notes what goes wrong.
type vmwareReader struct {
	gather
	vmware     *vmware
	properties map[string]string
}

func (r *vmwareReader) value(ctx context.Context, key string) string {
	if r.vmware.rpc != nil {
		text, err := r.vmware.rpc(ctx, key)
		if err != nil {
			r.note(err)
			return ""
		}
		if text = strings.TrimSpace(text); text != "" {
			return text
		}
	}
	return strings.TrimSpace(r.properties[key])
}

// encoded reads a value in the encoding that another key names; nil when there is
// none.
func (r *vmwareReader) encoded(ctx context.Context, key, encodingKey string) []byte {
	text := r.value(ctx, key)
	if text == "" || text == "---" { // how VMware writes a value that was wiped
		return nil
	}
	switch encoding := strings.ToLower(r.value(ctx, encodingKey)); encoding {
	case "":
		return []byte(text)
	case "base64", "b64", "gzip+base64", "gz+b64", "gzip+b64", "gz+base64":
		data, err := unpacked(key, text)
		r.note(err)
		return data
	default:
		r.note(permanentError{fmt.Errorf("%s has an unknown encoding, %q", key, encoding)})
		return nil
	}
}

// unpacked is base64, and what is compressed in it. Encodings are not told apart: both
// are written for either.
func unpacked(key, text string) ([]byte, error) {
	data, err := decodeBase64(key, text)
	if err != nil {
		return nil, err
	}
	if data, err = source.Gunzip(data); err != nil {
		return nil, permanentError{fmt.Errorf("%s: %w", key, err)}
	}
	return data, nil
}

func (r *vmwareReader) rancherUserData(ctx context.Context) []byte {
	const data, encoding = "guestinfo.cloud-init.config.data", "guestinfo.cloud-init.data.encoding"
	if found := r.encoded(ctx, data, encoding); found != nil {
		return found
	}
	address := r.value(ctx, "guestinfo.cloud-init.config.url")
	if address == "" {
		return nil
	}
	found, err := r.vmware.web.get(ctx, address, nil)
	r.note(err)
	return found
}

// mostGuestCards bounds how many interfaces, addresses and routes are asked for.
const mostGuestCards = 16

// imageUserData is the property user-data, in base64 or as it is: cloud-init's OVF
// datasource takes both.
func (r *vmwareReader) imageUserData() []byte {
	text := r.properties["user-data"]
	if strings.TrimSpace(text) == "" {
		return nil
	}
	if data, err := decodeBase64("user-data", text); err == nil {
		return data
	}
	return []byte(text)
}

// rancherMetaData reads host name, name servers and interfaces as RancherOS did, and
// the properties of cloud images.
func (r *vmwareReader) rancherMetaData(ctx context.Context, s *source.Seed) {
	s.MetaData = r.marshal(metaData{
		InstanceID: r.properties["instance-id"],
		Hostname:   firstOf(r.value(ctx, "guestinfo.hostname"), r.properties["hostname"], r.properties["local-hostname"]),
		PublicKeys: strings.FieldsFunc(r.properties["public-keys"], func(c rune) bool { return c == '\n' || c == '\r' }),
	})
	names := r.nameservers(ctx)
	out := source.NewNetwork()
	for i := range mostGuestCards {
		prefix := "guestinfo.interface." + strconv.Itoa(i) + "."
		l, any := r.link(ctx, prefix)
		if !any {
			break
		}
		if len(names.Addresses)+len(names.Search) > 0 {
			l.Nameservers = names
		}
		out.Ethernets["id"+strconv.Itoa(i)] = l
	}
	if len(out.Ethernets) > 0 {
		network, err := out.Marshal()
		r.note(err)
		s.NetworkConfig = network
	} else if text := r.properties["network-config"]; text != "" {
		network, err := decodeBase64("network-config", text)
		r.note(err)
		s.NetworkConfig = network
	}
}

func (r *vmwareReader) nameservers(ctx context.Context) *source.Nameservers {
	list := func(all, one string) []string {
		if text := r.value(ctx, all); text != "" {
			return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' })
		}
		var found []string
		for i := range mostGuestCards {
			text := r.value(ctx, one+strconv.Itoa(i))
			if text == "" {
				break
			}
			found = append(found, text)
		}
		return found
	}
	return &source.Nameservers{
		Addresses: list("guestinfo.dns.servers", "guestinfo.dns.server."),
		Search:    list("guestinfo.dns.domains", "guestinfo.dns.domain."),
	}
}

func (r *vmwareReader) link(ctx context.Context, prefix string) (*source.Link, bool) {
	l := &source.Link{Match: &source.Match{
		Name: r.value(ctx, prefix+"name"), MAC: strings.ToLower(r.value(ctx, prefix+"mac")),
	}}
	if *l.Match == (source.Match{}) {
		return nil, false
	}
	switch strings.ToLower(r.value(ctx, prefix+"dhcp")) {
	case "yes", "true", "1", "on":
		l.DHCP4 = true
	}
	for i := range mostGuestCards {
		ip := prefix + "ip." + strconv.Itoa(i) + "."
		text := r.value(ctx, ip+"address")
		if text == "" {
			break
		}
		address, err := source.WithMask(text, r.value(ctx, ip+"netmask"))
		if err != nil {
			r.note(permanentError{err})
			continue
		}
		l.Addresses = append(l.Addresses, address)
	}
	for i := range mostGuestCards {
		route := prefix + "route." + strconv.Itoa(i) + "."
		via := r.value(ctx, route+"gateway")
		if via == "" {
			break
		}
		to := firstOf(r.value(ctx, route+"destination"), "default")
		if to == "0.0.0.0/0" || to == "::/0" {
			to = "default"
		}
		l.Routes = append(l.Routes, source.Route{To: to, Via: via})
	}
	return l, true
}

// networkInMetaData takes the network out of cloud-init's meta-data for VMware: a
// map, or a text that may be encoded.
func networkInMetaData(meta []byte) ([]byte, error) {
	var m struct {
		Network  yaml.Node `yaml:"network"`
		Encoding string    `yaml:"network.encoding"`
	}
	if err := yaml.Unmarshal(meta, &m); err != nil {
		return nil, fmt.Errorf("cannot read the meta-data: %w", err)
	}
	switch {
	case m.Network.IsZero():
		return nil, nil
	case m.Network.Kind != yaml.ScalarNode:
		return yaml.Marshal(&m.Network)
	case m.Encoding == "":
		return []byte(m.Network.Value), nil
	}
	return unpacked("the network", m.Network.Value)
}
