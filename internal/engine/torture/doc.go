// Package torture is tests alone: it runs the controller against real daemons
// and breaks what can break — every call, every process, every event, the disk,
// the clock — and looks whether the machine is as wanted afterwards. The product
// knows nothing of it, and it knows of the product what a user does: the wanted
// project, the status, and what Docker says.
package torture
