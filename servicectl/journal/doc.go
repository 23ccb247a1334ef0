// Package journal keeps the history of causes: what the controller did and saw,
// and why, in a bounded ring and in a file that outlives the controller. It must
// not know services, plans or a Docker client: it is told.
package journal
