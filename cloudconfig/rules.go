package cloudconfig

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// rules are what the tags of a field say about its values. Of a list and of a
// map they are about the items.
type rules struct {
	format   *format
	keys     *format // what the keys of a map look like
	enum     []string
	ended    string // a word of enum once: it is passed over with a warning
	min, max int64  // of a number; 0 is always fine, it means "not set"
	quoted   bool   // a number may be a text, as cloud-init has it, and is warned of
	required required
	secret   bool
	unset    string // what holds without a value
}

// required says where a key must be there.
type required string

const (
	optional     required = ""
	always       required = "true"   // in each layer: lists are replaced whole
	onceCombined required = "merged" // in what all layers together say
)

func newRules(tag reflect.StructTag) rules {
	r := rules{
		format: formats()[tag.Get("format")], keys: formats()[tag.Get("keys")],
		min: math.MinInt32, max: math.MaxInt32,
		quoted: tag.Get("quoted") == "true", ended: tag.Get("ended"),
		required: required(tag.Get("required")), secret: tag.Get("secret") == "true", unset: tag.Get("default"),
	}
	if enum := tag.Get("enum"); enum != "" {
		r.enum = strings.Split(enum, "|")
	}
	r.min = bound(tag.Get("min"), r.min)
	r.max = bound(tag.Get("max"), r.max)
	return r
}

func bound(tag string, otherwise int64) int64 {
	if i, err := strconv.ParseInt(tag, 10, 64); err == nil {
		return i
	}
	return otherwise
}

func (r rules) ofItems() rules {
	r.required, r.keys = optional, nil
	return r
}

// number says what is wrong with a number that is written as v.
func (r rules) number(key, v string, i int64) (msg, hint string) {
	switch {
	case i == 0 || i >= r.min && i <= r.max:
		return "", ""
	case r.min == 0 && r.max == math.MaxInt32:
		return v + " is less than 0", ""
	case r.max == math.MaxInt32:
		return fmt.Sprintf("%s is less than %d", v, r.min), "0 is the default, " + r.unset
	}
	return fmt.Sprintf("%s %s is not between %d and %d", key, v, r.min, r.max), ""
}

// text says what is wrong with a text; an empty one is not set, and fine.
func (r rules) text(key, v string, secret bool) (msg, hint string) {
	switch {
	case v == "":
		return "", ""
	case r.enum != nil && !slices.Contains(r.enum, v):
		return fmt.Sprintf("%s %q is not known", key, v), "one of " + strings.Join(r.enum, ", ")
	case r.format != nil:
		return r.format.wrong(v, secret)
	}
	return "", ""
}
