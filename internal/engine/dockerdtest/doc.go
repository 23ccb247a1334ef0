// Package dockerdtest is a real dockerd of a test's own, in namespaces of its
// own: started, killed, filled up and cleaned away, with the image its containers
// run. Only tests import it; it must not know the controller or the engine that
// is tested with it.
package dockerdtest
