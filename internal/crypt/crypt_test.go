package crypt

import "testing"

func TestAHashIsThatOfItsTextAlone(t *testing.T) {
	hash, err := Hash("a word")
	if err != nil || !IsHash(hash) {
		t.Fatalf("%q, %v", hash, err)
	}
	if !IsMade(hash) || IsMade("$6$salt$hash") || IsMade("a word") || IsMade("") {
		t.Error("a hash is not told from other texts")
	}
	if again, err := Hash("a word"); err != nil || again == hash {
		t.Errorf("a hash has no salt: %q, %v", again, err)
	}
	for text, want := range map[string]bool{"a word": true, "another": false, "": false, hash: false} {
		if Matches(hash, text) != want {
			t.Errorf("%q matches: want %v", text, want)
		}
	}
	// Of "secret-Word1", by mkpasswd.
	const known = "$6$saltsalt$HfeviBNibc39P.j99EQ2ScMBuD/3lsQef.szDCNE50SLFpePPrAliNHHxwgg9UCreyTRnoyAst.T169yJ8GSy."
	if !Matches(known, "secret-Word1") {
		t.Error("what another program hashed does not match")
	}
}

func TestWhatIsAHash(t *testing.T) {
	for text, want := range map[string]bool{
		"$6$salt$hash": true, "$2b$05$abc": true, "plain": false, "$1": false, "$6$salt": false, "$6$a b$c": false, "$a$b$c:d": false, "*": false,
	} {
		if IsHash(text) != want {
			t.Errorf("%q: want %v", text, want)
		}
	}
}
