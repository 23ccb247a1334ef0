package cli

import (
	"bytes"
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/servicectl/journal"
)

// changes tells, of every key that two readings of the layers below root do not
// agree about, where it was written and, where that is known, by whom. It tells
// no values: they may be secret.
func changes(root string, was, is cloudconfig.Merged) []journal.Change {
	differences := cloudconfig.Compare(was, is)
	if len(differences) == 0 {
		return nil
	}
	author := lastAuthor(root)
	out := make([]journal.Change, 0, len(differences))
	for _, d := range differences {
		change := journal.Change{Key: cloudconfig.JoinPath(d.Path...)}
		pos := spoken(is, d.Path)
		users := pos.File == source.CloudConfigFile
		if pos.File == "" { // it is gone: it was the last who had said something
			users = spoken(was, d.Path).File == source.CloudConfigFile
		} else {
			change.Origin = pos.String()
		}
		if users {
			change.By, change.Who = told(author.Command), author.Who
		}
		out = append(out, change)
	}
	return out
}

// told is a command of the history as somebody would type it, without the key:
// the change names it. A text that came to be without a command has none.
func told(command string) string {
	verb, rest, _ := strings.Cut(command, " ")
	switch verb {
	case "":
		return ""
	case "found":
		return "" // as it was
	case "set", "unset":
		return "config " + verb
	case "service":
		return command
	}
	return strings.TrimSpace("config " + verb + " " + rest)
}

// spoken is where the value at a path was written; zero when nobody wrote one.
func spoken(m cloudconfig.Merged, path []string) cloudconfig.Pos {
	origins := m.Origins(path...)
	if len(origins) == 0 {
		return cloudconfig.Pos{}
	}
	return origins[len(origins)-1].Pos
}

// lastAuthor is who made the user's file what it is; nobody when it was changed
// without a command since.
func lastAuthor(root string) source.Author {
	now, err := source.Current(root)
	if err != nil {
		return source.Author{}
	}
	entries, _ := source.History(root) // those that cannot be read made nothing
	for _, e := range slices.Backward(entries) {
		if bytes.Equal(e.Text, now) {
			return e.Author
		}
		break
	}
	return source.Author{}
}
