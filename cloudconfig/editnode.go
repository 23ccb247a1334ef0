package cloudconfig

import (
	"errors"
	"fmt"
	"strconv"

	"gopkg.in/yaml.v3"
)

// errAlias means that a path leads through an alias: the change would be seen
// in other places too.
var errAlias = errors.New("the path leads through an alias")

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
	case yaml.AliasNode:
		return errAlias
	case yaml.MappingNode:
		if len(n.Content) == 0 {
			n.Style &^= yaml.FlowStyle
		}
		setKey(n, key, keepComments(mappingValue(n, key), value))
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
	if i == len(n.Content) {
		if i == 0 {
			n.Style &^= yaml.FlowStyle
		}
		n.Content = append(n.Content, value)
		return nil
	}
	n.Content[i] = keepComments(n.Content[i], value)
	return nil
}

// keepComments gives a value the comments of the one that it replaces.
func keepComments(old, value *yaml.Node) *yaml.Node {
	if old == nil || old.Kind != value.Kind || old.Kind == yaml.AliasNode {
		return value
	}
	c := *value
	c.HeadComment, c.LineComment, c.FootComment = old.HeadComment, old.LineComment, old.FootComment
	return &c
}

// removeAt removes a key or an item; what is not there needs no removal.
func removeAt(root *yaml.Node, path []string) error {
	parent, key := lookup(root, path[:len(path)-1]), path[len(path)-1]
	switch {
	case parent == nil:
		return errAlias
	case parent.Kind == yaml.MappingNode:
		if !removeKey(parent, key) {
			return errAlias
		}
		return nil
	}
	i, err := strconv.Atoi(key)
	if err != nil || i < 0 || i >= len(parent.Content) {
		return errAlias
	}
	parent.Content = append(parent.Content[:i], parent.Content[i+1:]...)
	return nil
}

// mergeNodes lays high over low, which is changed.
func mergeNodes(low, high *yaml.Node, appends bool) error {
	if len(low.Content) == 0 {
		low.Style &^= yaml.FlowStyle
	}
	for i := 0; i+1 < len(high.Content); i += 2 {
		key, value := high.Content[i], high.Content[i+1]
		has := mappingValue(low, key.Value)
		switch {
		case has == nil:
			low.Content = append(low.Content, key, value)
		case has.Kind == yaml.AliasNode:
			return errAlias
		case has.Kind == yaml.MappingNode && value.Kind == yaml.MappingNode:
			if err := mergeNodes(has, value, appends); err != nil {
				return err
			}
		case appends && has.Kind == yaml.SequenceNode && value.Kind == yaml.SequenceNode:
			has.Content = append(has.Content, value.Content...)
		default:
			setKey(low, key.Value, keepComments(has, value))
		}
	}
	return nil
}
