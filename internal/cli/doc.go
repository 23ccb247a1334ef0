// Package cli holds the commands of `ros`, one file each, thin: each calls one
// package and prints. It composes the controller out of the other packages. It
// must not decide anything about services, configuration or containers itself.
package cli
