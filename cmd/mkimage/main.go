// Command mkimage builds what boots: the engine's programs, then kernel, root
// file system and initrd.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/ros-os/ros/internal/osimage"
)

// defaultStamp is the time of every file in the image when SOURCE_DATE_EPOCH
// does not give one: 2026-01-01.
const defaultStamp = 1767225600

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := mainErr(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(1)
	}
}

func mainErr(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "engine" {
		return engine(ctx, args[1:])
	}
	return image(ctx, args)
}

func engine(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("mkimage engine", flag.ContinueOnError)
	out := flags.String("out", "build/engine", "folder for the programs")
	module := flags.String("module", "tools/engine", "folder of the Go module that pins the engine")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return osimage.BuildEngine(ctx, *module, *out)
}

func image(ctx context.Context, args []string) error {
	o := osimage.Options{Log: os.Stdout}
	flags := flag.NewFlagSet("mkimage", flag.ContinueOnError)
	flags.StringVar(&o.Out, "out", "build", "folder for what is built")
	flags.StringVar(&o.Config, "config", "os-config.yml", "default configuration")
	flags.StringVar(&o.Services, "services", "", "folder of service definitions")
	flags.StringVar(&o.Ros, "ros", "build/ros", "program ros")
	flags.StringVar(&o.Init, "init", "build/init", "program init")
	flags.StringVar(&o.Service, "service", "build/service", "program of the machine's own services")
	flags.StringVar(&o.Engine, "engine", "build/engine", "folder of the engine's programs")
	flags.StringVar(&o.Version, "version", "dev", "version of ros")
	compression := flags.String("compression", string(osimage.XZ), "xz, zstd or fast")
	flags.BoolVar(&o.Refresh, "refresh", false, "look for newer Debian packages")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o.Compression = osimage.Compression(*compression)
	stamp := int64(defaultStamp)
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		var err error
		if stamp, err = strconv.ParseInt(epoch, 10, 64); err != nil {
			return fmt.Errorf("cannot read SOURCE_DATE_EPOCH: %w", err)
		}
	}
	o.Stamp = time.Unix(stamp, 0).UTC()
	return osimage.Build(ctx, o)
}
