package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ros-os/ros/internal/host"
)

const (
	startTimeoutNS = 2 * time.Minute
	startTimeoutVM = 5 * time.Minute // emulated, on a busy host
)

// startFlags are the flags of `start` that need reading.
type startFlags struct {
	ns, vm    bool
	disks     []string
	stateSize string
	publish   []string
	nics      int
	timeout   time.Duration
}

func startCommand() *cobra.Command {
	var f startFlags
	var o host.StartOptions
	cmd := &cobra.Command{
		Use:   "start --name NAME [--ns|--vm]",
		Short: "Make a machine and boot it, or boot an existing one again",
		Long: `Makes a machine and boots it, or boots an existing one again with its disks.
Returns 0 when ` + "`ros wait`" + ` in the machine says that it is ready, 2 when it is up
but degraded, 1 when it is not up in time; and says why. The machine stays.`,
		Example: `  rosmachine start --ns --name dev
  rosmachine start --vm --name disks --disk 8G --disk data.img --memory 1024
  rosmachine start --vm --name seed --seed seed.img --key ~/.ssh/id_ed25519
  rosmachine start --vm --name web --publish 8080:80 --cloud-config web.yml
  rosmachine start --name dev`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("nics") {
				o.NICs = &f.nics
			}
			return runStart(cmd, &f, &o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.ns, "ns", false, "run a new machine in namespaces")
	flags.BoolVar(&f.vm, "vm", false, "run a new machine in QEMU")
	flags.StringVar(&o.Name, "name", "", "name of the machine")
	flags.StringVar(&o.CloudConfig, "cloud-config", "", "user-data for the machine, a file")
	flags.StringVar(&o.Append, "append", "", "kernel command line, added to the default one")
	flags.StringVar(&o.Image, "image", "", "folder of the built image (default ./build)")
	flags.IntVar(&o.MemoryMiB, "memory", 0, "memory in MiB, of a --vm (default 2048)")
	flags.IntVar(&o.CPUs, "cpus", 0, "processors, of a --vm (default 2)")
	flags.IntVar(&f.nics, "nics", 1, "number of network interfaces")
	flags.StringSliceVar(&o.Unplugged, "unplugged", nil, "with the cables of its network interfaces out, or with =eth1 that of one, see plug")
	flags.Lookup("unplugged").NoOptDefVal = host.AllCables
	flags.StringArrayVar(&f.disks, "disk", nil, "size of a disk of a --vm, or a raw image, repeatable; none: no disk (default 8G)")
	flags.StringVar(&f.stateSize, "state-size", "", "size of the state's file system of a --ns (default a folder of the host)")
	flags.StringVar(&o.Seed, "seed", "", "the datasource's disk in place of one made of --cloud-config: an image of a --vm, a folder of a --ns")
	flags.StringVar(&o.Key, "key", "", "private key that --seed lets in as rancher, a file (default one that is made)")
	flags.StringArrayVar(&f.publish, "publish", nil, "forward HOST:GUEST from 127.0.0.1, of a --vm, repeatable")
	flags.StringArrayVar(&o.SMBIOS, "smbios", nil, "what the firmware of a --vm says, a table as QEMU takes it (type=1,serial=X), repeatable")
	flags.DurationVar(&f.timeout, "timeout", 0, "how long to wait until it is ready (default 2m for --ns, 5m for --vm)")
	cmd.MarkFlagsMutuallyExclusive("ns", "vm")
	if err := cmd.MarkFlagRequired("name"); err != nil {
		cobra.CheckErr(err)
	}
	return cmd
}

func runStart(cmd *cobra.Command, f *startFlags, o *host.StartOptions) error {
	if err := f.read(o); err != nil {
		return err
	}
	store, err := host.OpenStore(host.DefaultHome())
	if err != nil {
		return err
	}
	begin := time.Now()
	o.Progress = progress(cmd.ErrOrStderr(), begin)
	m, err := host.Start(cmd.Context(), store, *o)
	if err != nil {
		return err
	}
	if f.timeout == 0 {
		f.timeout = startTimeoutNS
		if m.Spec.Kind == host.VirtualMachine {
			f.timeout = startTimeoutVM
		}
	}
	if err := m.WaitReady(cmd.Context(), f.timeout, o.Progress); err != nil {
		return err
	}
	o.Progress("ready")
	return nil
}

func (f *startFlags) read(o *host.StartOptions) error {
	switch {
	case f.ns:
		o.Kind = host.Namespaces
	case f.vm:
		o.Kind = host.VirtualMachine
	}
	for _, word := range f.disks {
		if word == "none" {
			o.NoDisk = true
			continue
		}
		disk, err := host.ParseDisk(word)
		if err != nil {
			return err
		}
		o.Disks = append(o.Disks, disk)
	}
	for _, word := range f.publish {
		p, err := host.ParsePublish(word)
		if err != nil {
			return err
		}
		o.Publish = append(o.Publish, p)
	}
	if f.stateSize == "" {
		return nil
	}
	var err error
	o.StateSize, err = host.ParseSize(f.stateSize)
	return err
}

// progress prints what happens, with the seconds passed, for somebody who
// watches; a program that reads the output is spared it.
func progress(out io.Writer, begin time.Time) func(string) {
	if f, ok := out.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return func(string) {}
	}
	return func(line string) {
		_, _ = fmt.Fprintf(out, "%6.1f s  %s\n", time.Since(begin).Seconds(), line)
	}
}
