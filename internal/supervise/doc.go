// Package supervise keeps one process running, and reaps every process that
// PID 1 is left with.
//
// It knows how to start, signal, stop and restart a process, and nothing of
// what the process is for: no Docker, no configuration, no boot.
package supervise
