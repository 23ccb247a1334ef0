// Package machine makes a kernel a machine: the boot phases, mounts, modules,
// the state disk, datasource disks, System Docker and the controller, power and
// recovery. [Phases] is the whole boot, in order.
//
// It must not talk to a Docker daemon beyond asking whether it answers, and must
// not decide what runs: that is the controller's.
package machine
