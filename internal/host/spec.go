package host

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Kind is the way a machine runs.
type Kind string

// The kinds of machine.
const (
	Namespaces     Kind = "ns"
	VirtualMachine Kind = "vm"
)

// Spec is what a machine was asked to be; it is kept in machine.json.
type Spec struct {
	Name      string    `json:"name"`
	ID        string    `json:"id"` // random, so that two homes may use one name
	Kind      Kind      `json:"kind"`
	Image     string    `json:"image"` // folder of the built image
	Append    string    `json:"append,omitempty"`
	MemoryMiB int       `json:"memoryMiB,omitempty"` // of a virtual machine
	CPUs      int       `json:"cpus,omitempty"`      // of a virtual machine
	NICs      int       `json:"nics"`
	Disks     []Disk    `json:"disks,omitempty"`     // of a virtual machine
	StateSize int64     `json:"stateSize,omitempty"` // bytes; 0: a folder of the host
	Seed      string    `json:"seed,omitempty"`      // folder, or for a virtual machine disk, of the user's, in place of the one that is made
	Key       string    `json:"key,omitempty"`       // file of the user's private key, in place of the one that is made
	Publish   []Publish `json:"publish,omitempty"`
	SMBIOS    []string  `json:"smbios,omitempty"` // of a virtual machine: what its firmware says, as QEMU takes it
	Created   time.Time `json:"created"`
}

// Publish forwards a port of the host's loopback interface into the machine.
type Publish struct {
	Host  int `json:"host"`
	Guest int `json:"guest"`
}

const (
	defaultMemoryMiB = 2048
	defaultCPUs      = 2
	defaultDisk      = 8 << 30
	defaultNICs      = 1
	maxNICs          = 8
)

// ParsePublish reads HOST:GUEST.
func ParsePublish(s string) (Publish, error) {
	host, guest, ok := strings.Cut(s, ":")
	h, errHost := strconv.ParseUint(host, 10, 16)
	g, errGuest := strconv.ParseUint(guest, 10, 16)
	if !ok || errHost != nil || errGuest != nil || h == 0 || g == 0 {
		return Publish{}, fmt.Errorf("cannot read port %q: want HOST:GUEST, two numbers from 1 to 65535", s)
	}
	return Publish{Host: int(h), Guest: int(g)}, nil
}

// ParseSize reads a number of bytes with an optional unit: 512M, 8G, 1048576.
func ParseSize(s string) (int64, error) {
	digits := strings.TrimRight(s, "kKmMgGtTiIbB")
	units := map[string]int64{"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
	unit, known := units[strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(s[len(digits):]), "b"), "i")]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || n <= 0 || n > (1<<62)/unit {
		return 0, fmt.Errorf("cannot read size %q: want a number and a unit, as in 512M or 8G", s)
	}
	return n * unit, nil
}

// checkName keeps names usable as folder, host name, cgroup and ISO file.
func checkName(name string) error {
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$`).MatchString(name) {
		return fmt.Errorf("cannot name a machine %q: use up to 42 lower-case letters, digits and inner hyphens", name)
	}
	return nil
}

func (s *Spec) check() error {
	if err := checkName(s.Name); err != nil {
		return err
	}
	switch s.Kind {
	case Namespaces, VirtualMachine:
	default:
		return fmt.Errorf("cannot make machine %q of kind %q", s.Name, s.Kind)
	}
	if s.NICs < 0 || s.NICs > maxNICs {
		return fmt.Errorf("cannot give machine %q %d network interfaces: 0 to %d are possible", s.Name, s.NICs, maxNICs)
	}
	if s.Kind == Namespaces && (len(s.Disks) > 0 || s.MemoryMiB > 0) {
		return fmt.Errorf("cannot give disks or memory to machine %q: those belong to --vm; in namespaces use --state-size", s.Name)
	}
	if s.Kind == Namespaces && len(s.SMBIOS) > 0 {
		return fmt.Errorf("cannot give machine %q a firmware: --smbios belongs to --vm; in namespaces it is the host's", s.Name)
	}
	if s.Kind == VirtualMachine && s.StateSize > 0 {
		return fmt.Errorf("cannot give machine %q a state size: that belongs to --ns; in a virtual machine use --disk", s.Name)
	}
	if s.Key != "" && s.Seed == "" {
		return fmt.Errorf("cannot use a key for machine %q that nothing lets in: --key belongs to --seed, which brings its own", s.Name)
	}
	return nil
}

// mac is the address of one interface: stable over reboots.
func (s *Spec) mac(nic int) []byte {
	id, err := strconv.ParseUint(s.ID, 16, 32)
	if err != nil {
		id = 0
	}
	return []byte{0x52, 0x54, byte(id >> 16), byte(id >> 8), byte(id), byte(nic)}
}
