// Package repository fetches service definitions and the indexes of repositories
// over HTTP, and keeps the copies of package catalogue up to date: at once when
// something is asked for, and by and by in the controller. It must not decide
// what is enabled, nor know what a definition means; nothing at boot waits for it.
package repository
