// Package catalogue finds service definitions: in the folder of the image, and in
// the files that a user saved on the machine. It reads and parses them. It must
// not know what a definition means (package compose does), nor the network.
package catalogue
