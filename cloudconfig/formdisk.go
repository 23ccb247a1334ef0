package cloudconfig

import (
	"reflect"
	"strconv"

	"gopkg.in/yaml.v3"
)

// Layout says which partitions a disk gets.
type Layout struct {
	Whole      bool // one partition for the whole disk
	Remove     bool // the table is taken away
	Partitions []Partition
}

// Partition is a part of a disk.
type Partition struct {
	Percent int    // of the disk
	Type    string // of the partition, "83" (Linux) when empty
}

func (l *Layout) decode(d *decoder, n *yaml.Node, at *spot) {
	const expected = "true, false, remove or a list of sizes in percent"
	if n.Kind == yaml.SequenceNode {
		for i, item := range n.Content {
			if !isNull(item) {
				l.partition(d, item, &spot{parent: at, key: strconv.Itoa(i), place: percentPlace})
			}
		}
		return
	}
	whole, ok := yamlBool(n)
	switch {
	case ok:
		l.Whole = whole
	case n.Kind == yaml.ScalarNode && n.Value == "remove":
		l.Remove = true
	case n.Kind == yaml.ScalarNode && n.Value == "":
	default:
		d.wrongType(n, at, expected)
	}
}

var percentPlace = place{shape: newShape(reflect.TypeFor[int](), rules{min: 1, max: 100})}

// partition reads a size, or a size and a type.
func (l *Layout) partition(d *decoder, n *yaml.Node, at *spot) {
	size, kind := n, ""
	if n.Kind == yaml.SequenceNode {
		if len(n.Content) != 2 || isNull(n.Content[0]) || n.Content[1].Kind != yaml.ScalarNode {
			d.fail(n, at, "expected a size in percent and a type", "such as [33, 82]")
			return
		}
		size, kind = n.Content[0], n.Content[1].Value
	}
	if percent, ok := d.number(size, at); ok {
		l.Partitions = append(l.Partitions, Partition{Percent: int(percent), Type: kind})
	}
}

func (l *Layout) schema(*generator, place) *jsonSchema {
	percent := percentPlace.shape.rules.numberSchema()
	part := &jsonSchema{
		Type: "array", MinItems: 2, MaxItems: 2,
		PrefixItems: []*jsonSchema{percent.notNull(), anyText()},
	}
	return anyOf(switchSchema(), &jsonSchema{Enum: []any{"remove", ""}}, listOf(anyOf(percent, part)))
}
