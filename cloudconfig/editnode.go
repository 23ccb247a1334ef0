package cloudconfig

import (
	"errors"
	"fmt"
	"strconv"

	"gopkg.in/yaml.v3"
)

// setAt puts a value into a tree, and makes the maps on the way.
func setAt(root *yaml.Node, path []string, value *yaml.Node) error {
	n := root
	for i, key := range path[:len(path)-1] {
		next := child(n, key)
		if next == nil || isNull(next) {
			next = newMapping()
			if err := putChild(n, path[:i+1], next); err != nil {
				return err
			}
		}
		n = next
	}
	return putChild(n, path, value)
}

// putChild sets the last key of path in n, which is the value at the rest of it.
func putChild(n *yaml.Node, path []string, value *yaml.Node) error {
	key := path[len(path)-1]
	switch n.Kind {
	case yaml.MappingNode:
		inLines(n)
		setKey(n, key, value)
		return nil
	case yaml.SequenceNode:
		return putItem(n, path, value)
	default:
		return fmt.Errorf("%s is %s, and has no keys", JoinPath(path[:len(path)-1]...), describe(n))
	}
}

func putItem(n *yaml.Node, path []string, value *yaml.Node) error {
	i, err := strconv.Atoi(path[len(path)-1])
	if err != nil || i < 0 || i > len(n.Content) {
		return fmt.Errorf("%s is a list of %d items, and has no item %q",
			JoinPath(path[:len(path)-1]...), len(n.Content), path[len(path)-1])
	}
	inLines(n)
	if i == len(n.Content) {
		n.Content = append(n.Content, value)
		return nil
	}
	n.Content[i] = value
	return nil
}

// inLines lets an empty map or list be written in lines, once it has values.
func inLines(n *yaml.Node) {
	if len(n.Content) == 0 {
		n.Style &^= yaml.FlowStyle
	}
}

// removeAt removes a key or an item, and maps around it that become empty. An
// item of a list stays where it is, even when it is empty.
func removeAt(root *yaml.Node, path []string) {
	if lookup(root, path) == nil {
		return
	}
	for {
		parent, key := lookup(root, path[:len(path)-1]), path[len(path)-1]
		if parent.Kind == yaml.SequenceNode {
			i, err := strconv.Atoi(key)
			if err == nil {
				parent.Content = append(parent.Content[:i], parent.Content[i+1:]...)
			}
			return
		}
		removeKey(parent, key)
		path = path[:len(path)-1]
		if len(path) == 0 || len(parent.Content) > 0 || lookup(root, path[:len(path)-1]).Kind == yaml.SequenceNode {
			return
		}
	}
}

// listAt is the list at a path, or the one that begins there.
func listAt(root *yaml.Node, path []string, base *yaml.Node) (*yaml.Node, error) {
	switch list := lookup(root, path); {
	case list == nil:
		return firstList(root, base)
	case isNull(list):
		return newList(), nil
	case list.Kind != yaml.SequenceNode:
		return nil, fmt.Errorf("it is %s, and no list", describe(list))
	default:
		inLines(list)
		return list, nil
	}
}

// firstList is the list with which a layer begins that has none of its own.
func firstList(root, base *yaml.Node) (*yaml.Node, error) {
	if base == nil || isNull(base) {
		return newList(), nil
	}
	if base.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("it is %s, and no list", describe(base))
	}
	appends, report := mergeForm(Document{Root: root})
	if len(report) > 0 {
		return nil, errors.New(report[0].Path + " " + report[0].Msg)
	}
	if appends {
		return newList(), nil
	}
	list := withoutComments(base)
	list.Style = 0
	return list, nil
}

func newList() *yaml.Node { return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"} }

// mergeNodes lays high over low, which is changed.
func mergeNodes(low, high *yaml.Node, appends bool) {
	inLines(low)
	index := make(map[string]int, len(low.Content)/2)
	for i := 0; i+1 < len(low.Content); i += 2 {
		index[low.Content[i].Value] = i + 1
	}
	for i := 0; i+1 < len(high.Content); i += 2 {
		key, value := high.Content[i], high.Content[i+1]
		at, has := index[key.Value]
		if !has {
			low.Content = append(low.Content, key, value)
			continue
		}
		switch below := low.Content[at]; {
		case below.Kind == yaml.MappingNode && value.Kind == yaml.MappingNode:
			mergeNodes(below, value, appends)
		case appends && below.Kind == yaml.SequenceNode && value.Kind == yaml.SequenceNode:
			inLines(below)
			below.Content = append(below.Content, value.Content...)
		default:
			low.Content[at] = value
		}
	}
}

func copyTree(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, v := range n.Content {
		c.Content[i] = copyTree(v)
	}
	return &c
}
