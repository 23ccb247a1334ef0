package cloudconfig

import (
	"errors"
	"fmt"
	"strings"
)

// SplitPath splits a path such as
//
//	rancher.network.interfaces."eth1.100".dhcp
//
// into its keys. Dots separate keys; a key that has dots itself is put between
// double or single quotes. Between double quotes a backslash makes the next
// character literal.
func SplitPath(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	var path []string
	for rest := s; ; {
		key, tail, err := nextKey(rest)
		if err != nil {
			return nil, fmt.Errorf("cannot read key %q: %w", s, err)
		}
		path = append(path, key)
		if tail == "" {
			return path, nil
		}
		if tail[0] != '.' {
			return nil, fmt.Errorf("cannot read key %q: a dot is missing before %q", s, tail)
		}
		rest = tail[1:]
	}
}

// nextKey takes the first key off s; tail begins with what follows it.
func nextKey(s string) (key, tail string, err error) {
	if s == "" {
		return "", "", errors.New("a key between dots is empty")
	}
	if s[0] == '"' || s[0] == '\'' {
		return quotedKey(s)
	}
	end := strings.IndexByte(s, '.')
	if end < 0 {
		end = len(s)
	}
	if end == 0 {
		return "", "", errors.New("a key between dots is empty")
	}
	return s[:end], s[end:], nil
}

func quotedKey(s string) (key, tail string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && s[0] == '"' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", fmt.Errorf("the quote %c is not closed", s[0])
}

// JoinPath writes keys as [SplitPath] reads them.
func JoinPath(path ...string) string {
	var b strings.Builder
	for i, key := range path {
		if i > 0 {
			b.WriteByte('.')
		}
		if !needsQuotes(key) {
			b.WriteString(key)
			continue
		}
		b.WriteByte('"')
		for j := range len(key) {
			if key[j] == '"' || key[j] == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(key[j])
		}
		b.WriteByte('"')
	}
	return b.String()
}

func needsQuotes(key string) bool {
	return key == "" || strings.ContainsAny(key, ". \t\r\n=\"'\\")
}
