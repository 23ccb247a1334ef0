package osimage

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// SystemImage is one line of the index of system images.
type SystemImage struct {
	File   string `json:"file"`   // below /usr/share/ros/images
	ID     string `json:"id"`     // what Docker with its containerd image store calls the image's ID
	Config string `json:"config"` // what Docker with a graph driver calls the image's ID
}

// imageFolder is where the machine has its system images.
const imageFolder = "usr/share/ros/images"

// baseImage is the image of every default service. Its number goes up when the
// skeleton changes.
const baseImage = "ros/base:1"

// skeletonTime is the time of every file in a system image. It never changes, so
// that the same skeleton is the same image in every release.
var skeletonTime = time.Unix(0, 0).UTC()

// skeletonFolders are what a container needs to exist before the machine's
// /usr and the service's mounts come over it.
var skeletonFolders = []string{
	"dev", "etc", "home", "media", "mnt", "opt", "proc", "root", "run", "sys", "tmp", "usr", "var",
	"var/lib", "var/log", "var/cache", "var/tmp", "etc/docker", "etc/ssl/certs",
}

// skeletonFiles are copied from the machine's tree, so that names mean the
// same users everywhere.
var skeletonFiles = []string{
	"etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/os-release", "etc/profile", "etc/inputrc",
	"etc/ssl/certs/ca-certificates.crt", "etc/ssl/cert.pem",
}

// skeleton picks the tree of a system image from the machine's.
func skeleton(machine *Tree) (*Tree, error) {
	t := NewTree()
	t.Remove(func(name string, _ Node) bool { return strings.HasPrefix(name, "usr/") })
	for _, dir := range skeletonFolders {
		perm, ok := rootFolders[dir]
		if !ok {
			perm = 0o755
		}
		t.Folder(dir, perm)
	}
	for _, file := range skeletonFiles {
		n, ok := machine.Lookup(file)
		if !ok {
			return nil, fmt.Errorf("cannot find /%s for the system images", file)
		}
		t.Add(file, n)
	}
	t.Symlink("var/run", "/run")
	return t, nil
}

// addSystemImages builds the system images and adds them with their index.
func addSystemImages(t *Tree) error {
	tree, err := skeleton(t)
	if err != nil {
		return err
	}
	archive, image, err := buildImage(tree, baseImage)
	if err != nil {
		return err
	}
	image.File = "base.tar"
	index, err := json.MarshalIndent(map[string]SystemImage{baseImage: image}, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the index of system images: %w", err)
	}
	t.File(path.Join(imageFolder, image.File), 0o644, archive)
	t.File(path.Join(imageFolder, "index.json"), 0o644, append(index, '\n'))
	return nil
}

// buildImage makes an image of one uncompressed layer and returns it as an
// archive for docker load.
func buildImage(tree *Tree, reference string) ([]byte, SystemImage, error) {
	fail := func(err error) ([]byte, SystemImage, error) {
		return nil, SystemImage{}, fmt.Errorf("cannot build image %s: %w", reference, err)
	}
	tag, err := name.NewTag(reference)
	if err != nil {
		return fail(err)
	}
	var layer bytes.Buffer
	if err := tree.WriteTar(&layer, skeletonTime); err != nil {
		return fail(err)
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.AppendLayers(img, static.NewLayer(layer.Bytes(), types.OCIUncompressedLayer))
	if err != nil {
		return fail(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return fail(err)
	}
	config = config.DeepCopy()
	config.Architecture, config.OS, config.Created = "amd64", "linux", v1.Time{Time: skeletonTime}
	config.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return fail(err)
	}
	archive, image, err := archiveImage(img, layer.Bytes(), tag)
	if err != nil {
		return fail(err)
	}
	return archive, image, nil
}

// archiveImage lays an image out as docker save does: an OCI layout, so that
// Docker takes the manifest as it is and its digest is known beforehand, with
// the older manifest.json beside it, for daemons with a graph driver.
func archiveImage(img v1.Image, layer []byte, tag name.Tag) ([]byte, SystemImage, error) {
	manifest, err := img.RawManifest()
	if err != nil {
		return nil, SystemImage{}, err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return nil, SystemImage{}, err
	}
	t := emptyTree()
	blob := func(content []byte) v1.Hash {
		hash := v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%x", sha256.Sum256(content))}
		t.File(blobPath(hash), 0o644, content)
		return hash
	}
	image := SystemImage{ID: blob(manifest).String(), Config: blob(config).String()}
	target := v1.Descriptor{
		MediaType: types.OCIManifestSchema1, Size: int64(len(manifest)), Digest: blob(manifest),
		Annotations: map[string]string{
			"io.containerd.image.name":          "docker.io/" + tag.RepositoryStr() + ":" + tag.TagStr(),
			"org.opencontainers.image.ref.name": tag.TagStr(),
		},
	}
	documents := map[string]any{
		"oci-layout": map[string]string{"imageLayoutVersion": "1.0.0"},
		"index.json": v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{target}},
		"manifest.json": tarball.Manifest{{
			Config: blobPath(blob(config)), RepoTags: []string{tag.String()}, Layers: []string{blobPath(blob(layer))},
		}},
	}
	for file, document := range documents {
		content, err := json.Marshal(document)
		if err != nil {
			return nil, SystemImage{}, err
		}
		t.File(file, 0o644, content)
	}
	var archive bytes.Buffer
	err = t.WriteTar(&archive, skeletonTime)
	return archive.Bytes(), image, err
}

func blobPath(h v1.Hash) string { return path.Join("blobs", h.Algorithm, h.Hex) }
