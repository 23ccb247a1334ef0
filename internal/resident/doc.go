// Package resident gives back memory that a process does not need while it rests:
// what its heap does not use, and what is mapped of its own program file. It knows
// what Linux does with memory, and nothing of what the process is for.
package resident
