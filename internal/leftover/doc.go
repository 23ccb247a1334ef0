// Package leftover clears away what a Docker daemon that was killed has left behind, and
// what neither Docker nor containerd clears away when they start again: processes that
// the daemon does not know of, root file systems that no container uses, folders of tasks
// that were being removed.
//
// It knows where Docker and containerd write what they know. It must run only while
// the daemon does not, and must not know which daemon that is, nor who starts it.
package leftover
