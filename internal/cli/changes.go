package cli

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/servicectl"
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

// texts stand for the texts of the files that services are made of, by their paths.
type texts struct {
	compose map[string]map[string]uint64 // of each compose file, with the variables beside it
	named   map[string]uint64            // service files, and files of variables that services name
}

func textsOf(w written, d servicectl.Desired) texts {
	t := texts{compose: map[string]map[string]uint64{}, named: map[string]uint64{}}
	for _, f := range w.compose {
		own := map[string]uint64{f.Path: compose.TextSum(f.Data)}
		for _, env := range f.Env {
			own[env.Path] = compose.TextSum(env.Data)
		}
		t.compose[f.Path] = own
	}
	for _, f := range w.services {
		t.named[f.Path] = compose.TextSum(f.Data)
	}
	for _, svc := range d.Project.Services {
		maps.Copy(t.named, svc.Variables)
	}
	return t
}

// changedFiles tells which files two readings do not agree about, sorted. A file that
// others name may be named no more, or for the first time, without a change of its own.
func changedFiles(was, is texts) []journal.Change {
	var out []journal.Change
	for file, own := range is.compose {
		before, there := was.compose[file]
		if !there {
			out = append(out, journal.Change{Key: file, What: journal.IsNew})
			continue
		}
		out = append(out, differing(before, own)...)
	}
	for file := range was.compose {
		if _, there := is.compose[file]; !there {
			out = append(out, journal.Change{Key: file, What: journal.WasRemoved})
		}
	}
	for file, sum := range is.named {
		if before, there := was.named[file]; there && before != sum {
			out = append(out, journal.Change{Key: file})
		}
	}
	slices.SortFunc(out, func(a, b journal.Change) int { return strings.Compare(a.Key, b.Key) })
	return slices.Compact(out) // projects share files of variables
}

// differing are the files of a compose file that came, went or changed.
func differing(was, is map[string]uint64) []journal.Change {
	var out []journal.Change
	for file, sum := range is {
		switch before, there := was[file]; {
		case !there:
			out = append(out, journal.Change{Key: file, What: journal.IsNew})
		case before != sum:
			out = append(out, journal.Change{Key: file})
		}
	}
	for file := range was {
		if _, there := is[file]; !there {
			out = append(out, journal.Change{Key: file, What: journal.WasRemoved})
		}
	}
	return out
}
