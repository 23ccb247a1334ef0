package compose

import (
	"encoding/binary"
	"hash/fnv"
	"maps"

	"gopkg.in/yaml.v3"
)

// TextSum stands for a text, to tell it from the one that was there before.
func TextSum(text []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(text) // of a hash, it never fails
	return h.Sum64()
}

// writtenSum stands for a value as it is written, wherever that is.
func writtenSum(n *yaml.Node) uint64 {
	sum := TextSum([]byte(n.Value))
	for _, c := range n.Content {
		sum = joinedSum(sum, writtenSum(c))
	}
	return joinedSum(sum, uint64(n.Kind))
}

// joinedSum stands for two texts in their order.
func joinedSum(a, b uint64) uint64 {
	var both [16]byte
	binary.LittleEndian.PutUint64(both[:8], a)
	binary.LittleEndian.PutUint64(both[8:], b)
	return TextSum(both[:])
}

// madeWith notes that the service is made with a file of variables.
func (d *draft) madeWith(file string, text []byte) {
	own := maps.Clone(d.svc.Variables) // the others of the project have the same
	if own == nil {
		own = map[string]uint64{}
	}
	own[file] = TextSum(text)
	d.svc.Variables = own
}
