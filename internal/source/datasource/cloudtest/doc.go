// Package cloudtest has metadata services for tests: of each cloud one that
// answers as its vendor documents (the .txtar files, by the path of a request),
// and one with every fault that such services have had. It knows HTTP and those
// documents, and nothing of the product. Only tests import it.
package cloudtest
