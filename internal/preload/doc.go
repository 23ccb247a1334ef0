// Package preload loads the archives of images that somebody has put into the
// machine's folders for it, each into the Docker daemon that its folder stands
// for, as soon as that daemon answers and again when a file changes.
//
// It knows files, and of a daemon only that it has an identity and loads
// archives. It must not know Docker's API, nor what services the images are for.
package preload
