package compose

import (
	"errors"
	"fmt"
	"strings"
)

// variable is one reference to a variable in a text: $NAME, ${NAME} or
// ${NAME<op>WORD} with an operator of the compose specification.
type variable struct {
	name string
	op   string // "", ":-", "-", ":+", "+", ":?", "?"
	word string // raw: variables in it are replaced when it is used
}

// interpolate replaces the variables of a text as the compose specification
// says; $$ is a dollar sign. unset is told the name of every variable without a
// value and without a default. (compose-go's own package for this writes to the
// process's log, which this package must not.)
func interpolate(text string, lookup func(string) (string, bool), unset func(string)) (string, error) {
	return interpolator{lookup: lookup, unset: unset}.text(text, 0)
}

// interpolator replaces variables in a text and in the words of its variables.
type interpolator struct {
	lookup func(string) (string, bool)
	unset  func(string)
}

// deepest is how far variables may be nested.
const deepest = 32

func (i interpolator) text(text string, depth int) (string, error) {
	if depth > deepest {
		return "", errors.New("variables are nested too deep")
	}
	if !strings.Contains(text, "$") {
		return text, nil
	}
	var out strings.Builder
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "$")
		out.WriteString(before)
		if !found {
			break
		}
		if strings.HasPrefix(after, "$") {
			out.WriteByte('$')
			rest = after[1:]
			continue
		}
		v, tail, err := parseVariable(after)
		if err != nil {
			return "", err
		}
		value, err := i.value(v, depth)
		if err != nil {
			return "", err
		}
		out.WriteString(value)
		rest = tail
	}
	return out.String(), nil
}

// requiredError says that a variable with ? has no value.
type requiredError struct{ name, reason string }

func (e requiredError) Error() string {
	return fmt.Sprintf("variable %q is not set: %s", e.name, e.reason)
}

// value is what v stands for.
func (i interpolator) value(v variable, depth int) (string, error) {
	value, set := i.lookup(v.name)
	if strings.HasPrefix(v.op, ":") {
		set = set && value != "" // with a colon, empty counts as unset
	}
	switch v.op {
	case ":-", "-":
		if !set {
			return i.text(v.word, depth+1)
		}
	case ":+", "+":
		if set {
			return i.text(v.word, depth+1)
		}
		return "", nil
	case ":?", "?":
		if set {
			break
		}
		reason, err := i.text(v.word, depth+1)
		if err != nil {
			return "", err
		}
		if reason == "" {
			reason = "it is required"
		}
		return "", requiredError{name: v.name, reason: reason}
	default:
		if !set {
			i.unset(v.name)
		}
	}
	return value, nil
}

// parseVariable reads what follows a dollar sign, and returns the text behind it.
// Its errors quote no more than a name: what has a dollar sign without a meaning is
// often a password.
func parseVariable(s string) (v variable, tail string, err error) {
	if !strings.HasPrefix(s, "{") {
		v.name = s[:nameLen(s)]
		if v.name == "" {
			return v, "", errors.New("a dollar sign is not followed by the name of a variable")
		}
		return v, s[len(v.name):], nil
	}
	end := closingBrace(s)
	if end < 0 {
		return v, "", fmt.Errorf("the brace of %q is not closed", "${"+s[1:1+nameLen(s[1:])])
	}
	inner := s[1:end]
	v.name = inner[:nameLen(inner)]
	if v.name == "" {
		return v, "", errors.New("no name of a variable follows ${")
	}
	inner = inner[len(v.name):]
	for _, op := range []string{":-", ":+", ":?", "-", "+", "?"} {
		if word, ok := strings.CutPrefix(inner, op); ok {
			v.op, v.word = op, word
			return v, s[end+1:], nil
		}
	}
	if inner != "" {
		return v, "", fmt.Errorf("what follows %q is not understood", "${"+v.name)
	}
	return v, s[end+1:], nil
}

// closingBrace is where the brace that s begins with is closed, or -1. Pairs of
// braces inside it are skipped.
func closingBrace(s string) int {
	open := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			open++
		case '}':
			open--
			if open == 0 {
				return i
			}
		}
	}
	return -1
}

// nameLen is the length of the variable's name that s begins with.
func nameLen(s string) int {
	for i := range len(s) {
		c := s[i] | 0x20 // lower case
		letter := c >= 'a' && c <= 'z' || s[i] == '_'
		if !letter && (i == 0 || s[i] < '0' || s[i] > '9') {
			return i
		}
	}
	return len(s)
}
