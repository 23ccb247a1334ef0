package cloudconfig

import (
	"embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// configSource are the files whose comments describe the keys.
//
//go:embed config*.go
var configSource embed.FS

// doc is what the comment of a field says.
type doc struct {
	text    string // on one line
	example string // YAML
}

// docs are the comments by type and field, as "Config.Hostname".
type docs map[string]doc

func (d docs) of(f field) doc { return d[f.owner.Name()+"."+f.from.Name] }

// readDocs reads the comments of the types.
func readDocs() (docs, error) {
	files, err := configSource.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("cannot list the schema's files: %w", err)
	}
	all := docs{}
	for _, file := range files {
		text, err := configSource.ReadFile(file.Name())
		if err != nil {
			return nil, fmt.Errorf("cannot read the schema's file: %w", err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("cannot parse the schema's file: %w", err)
		}
		ast.Inspect(parsed, all.add)
	}
	return all, nil
}

func (d docs) add(n ast.Node) bool {
	spec, ok := n.(*ast.TypeSpec)
	if !ok {
		return true
	}
	if record, ok := spec.Type.(*ast.StructType); ok {
		for _, f := range record.Fields.List {
			for _, name := range f.Names {
				d[spec.Name.Name+"."+name.Name] = newDoc(f.Doc.Text())
			}
		}
	}
	return false
}

// newDoc parts a comment into its sentences and the indented example below.
func newDoc(comment string) doc {
	var text, example []string
	for line := range strings.SplitSeq(comment, "\n") {
		if strings.HasPrefix(line, "\t") {
			example = append(example, strings.TrimPrefix(line, "\t"))
		} else if line != "" {
			text = append(text, line)
		}
	}
	d := doc{text: strings.Join(text, " ")}
	if len(example) > 0 {
		d.example = strings.Join(example, "\n") + "\n"
	}
	return d
}
