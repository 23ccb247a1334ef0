package source

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"
	"time"
)

// goodHeader stands in a comment before the text of a compose file's good copy: the
// variables that it had are a part of it.
type goodHeader struct {
	Env []EnvFile `json:"env,omitempty"`
}

// keepCompose has the compose files among what the good copies are of. Those in
// user-data have the copies of that.
func (c *copies) keepCompose(files []ComposeFile) {
	for _, f := range files {
		if !f.mayBeKept() {
			continue
		}
		c.present = append(c.present, copyKey(f.Path))
		header, err := json.Marshal(goodHeader{f.Env})
		if f.Broken || err != nil { // strings and bytes make no error
			continue
		}
		c.compose = append(c.compose, part{key: copyKey(f.Path), file: f.Path, data: fmt.Appendf(nil, "# %s\n%s", header, f.Data)})
	}
}

func (f ComposeFile) mayBeKept() bool { return strings.HasPrefix(f.Path, ComposeDir+"/") }

// LastGood is the compose file below root as it was, with its variables, when the
// machine last converged with it, and since when there is that copy. Positions in it
// are of the file itself: what it names is beside that.
func (f ComposeFile) LastGood(root string) (good ComposeFile, kept time.Time, ok bool) {
	if !f.mayBeKept() {
		return good, kept, false
	}
	data, since, ok := copies{root: root}.read(copyKey(f.Path))
	if !ok {
		return good, kept, false
	}
	line, text, found := bytes.Cut(data, []byte("\n"))
	comment, isComment := bytes.CutPrefix(line, []byte("# "))
	var header goodHeader
	if !found || !isComment || json.Unmarshal(comment, &header) != nil {
		return good, kept, false
	}
	good = ComposeFile{Path: f.Path, Name: f.Name, Env: header.Env}
	good.parse(text)
	return good, since, !good.Broken
}

// unseenComposeFiles are those that have a good copy, when the folder cannot be
// listed: they are taken to be there.
func unseenComposeFiles(root string) []ComposeFile {
	var files []ComposeFile
	kept, _ := os.ReadDir(copies{root: root}.path(path.Base(ComposeDir))) // without copies there is nothing to use
	for _, e := range kept {
		if f, ok := composeFile(e); ok {
			f.Broken = true
			files = append(files, f)
		}
	}
	return files
}
