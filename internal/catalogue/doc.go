// Package catalogue finds service definitions: in the folder of the image, in the
// files that a user saved on the machine, and in the copies of what repositories
// and addresses gave. It reads and parses them, and keeps the copies. It must not
// know what a definition means (package compose does), nor the network (package
// repository does).
package catalogue
