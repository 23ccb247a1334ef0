// Package crypt makes and knows hashes of passwords, as crypt(3) reads them. It sets no
// password, and keeps none.
package crypt

import (
	"fmt"
	"strings"

	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// hashRounds is what crypt(3) takes when nothing is said.
const hashRounds = 5000

// digestLetters are those of a SHA-512 sum.
const digestLetters = 86

// IsHash says whether a password is written as crypt(3) makes it: $id$…$….
func IsHash(text string) bool {
	return strings.HasPrefix(text, "$") && strings.Count(text, "$") >= 3 && !strings.ContainsAny(text, ": \t")
}

// Hash makes a SHA-512 hash as crypt(3) reads it.
func Hash(text string) (string, error) {
	hasher, err := shacrypt.New(shacrypt.WithSHA512(), shacrypt.WithIterations(hashRounds))
	if err != nil {
		return "", fmt.Errorf("cannot hash the password: %w", err)
	}
	digest, err := hasher.Hash(text)
	if err != nil {
		return "", fmt.Errorf("cannot hash the password: %w", err)
	}
	return digest.Encode(), nil
}

// IsMade says whether a text is a hash of [Hash]'s kind, by its form.
func IsMade(text string) bool {
	digest := text[strings.LastIndex(text, "$")+1:]
	return IsHash(text) && strings.HasPrefix(text, "$6$") && len(digest) == digestLetters
}

// Matches says whether a hash of [Hash]'s kind was made of a text.
func Matches(hash, text string) bool {
	digest, err := shacrypt.Decode(hash)
	return err == nil && digest.Match(text)
}
