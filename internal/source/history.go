package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// historyDir holds every text that the user's file had, one a file. It is
// hidden, so that nothing in it is taken for a layer.
const historyDir = ConfDir + "/.history"

// What history keeps at most. The newest entries stay whatever their size.
const (
	mostEntries  = 50
	mostHistory  = 5 << 20
	alwaysKept   = 2
	entryHead    = "# " // the first line is a comment: an entry is a cloud-config
	entryNameEnd = ".yml"
)

// Author is who changes the configuration, and by what command.
type Author struct {
	Who     string `json:"who,omitempty"`
	Command string `json:"command"` // without values: they may be secret
}

// Entry is one text that the user's file had.
type Entry struct {
	Number int       `json:"number"`
	Time   time.Time `json:"time"`
	Author
	// Notice is something that whoever looks at the machine should be told, as
	// long as this is the newest entry.
	Notice string `json:"notice,omitempty"`
	Sum    string `json:"sum"` // SHA-256 of Text
	Text   []byte `json:"-"`
}

// History is every text of the user's file that is kept, oldest first. Entries
// that cannot be read are left out and told in the error.
func History(root string) ([]Entry, error) {
	dir := filepath.Join(root, historyDir)
	numbers, err := entryNumbers(dir)
	var entries []Entry
	for _, n := range numbers {
		e, readErr := readEntry(dir, n)
		switch {
		case errors.Is(readErr, fs.ErrNotExist): // a writer made room meanwhile
		case readErr != nil:
			err = errors.Join(err, readErr)
		default:
			entries = append(entries, e)
		}
	}
	return entries, err
}

// HistoryEntry is one entry of the history.
func HistoryEntry(root string, number int) (Entry, error) {
	e, err := readEntry(filepath.Join(root, historyDir), number)
	if errors.Is(err, fs.ErrNotExist) {
		return Entry{}, fmt.Errorf("there is no history entry %d ('ros config history' lists them)", number)
	}
	return e, err
}

// entryNumbers lists the entries in a folder, oldest first.
func entryNumbers(dir string) ([]int, error) {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the history: %w", err)
	}
	var numbers []int
	for _, f := range files {
		if n, ok := entryNumber(f.Name()); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func entryName(dir string, number int) string {
	return filepath.Join(dir, fmt.Sprintf("%06d%s", number, entryNameEnd))
}

func entryNumber(name string) (int, bool) {
	digits, ok := strings.CutSuffix(name, entryNameEnd)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0 && entryName("", n) == name
}

func readEntry(dir string, number int) (Entry, error) {
	data, err := os.ReadFile(entryName(dir, number))
	if err != nil {
		return Entry{}, fmt.Errorf("cannot read history entry %d: %w", number, err)
	}
	e, err := parseEntry(data)
	if err == nil && e.Number != number {
		err = fmt.Errorf("it calls itself entry %d", e.Number)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("history entry %d is damaged: %w", number, err)
	}
	return e, nil
}

// parseEntry reads what [Entry.file] wrote.
func parseEntry(data []byte) (Entry, error) {
	head, text, _ := bytes.Cut(data, []byte("\n"))
	head, ok := bytes.CutPrefix(head, []byte(entryHead))
	if !ok {
		return Entry{}, errors.New("its first line is missing")
	}
	var e Entry
	if err := json.Unmarshal(head, &e); err != nil {
		return Entry{}, err
	}
	if e.Sum != sum(text) {
		return Entry{}, errors.New("its text is not what was written")
	}
	e.Text = text
	return e, nil
}

// file is the entry as it is kept: a line about it, then its text.
func (e Entry) file() ([]byte, error) {
	head, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return slices.Concat([]byte(entryHead), head, []byte("\n"), e.Text), nil
}

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

// remember keeps a text that the user's file is about to get, and the one that
// it has, unless that is the newest entry already; before is that one's number.
func (d desk) remember(old []byte, e Entry) (before int, err error) {
	numbers, err := entryNumbers(d.path(historyDir))
	if err != nil {
		return 0, err
	}
	newest := 0
	if len(numbers) > 0 {
		newest = numbers[len(numbers)-1]
	}
	before = newest
	// One that is damaged has not the text of old either.
	if last, err := readEntry(d.path(historyDir), newest); newest == 0 || err != nil || !bytes.Equal(last.Text, old) {
		before++
		if err := d.keep(d.found(before, old)); err != nil {
			return 0, err
		}
	}
	e.Number, e.Time = before+1, d.now.Wall
	return before, d.keep(e)
}

// found is an entry for a text that came to be without a command.
func (d desk) found(number int, text []byte) Entry {
	e := Entry{Number: number, Time: d.now.Wall, Author: Author{Command: "found as it was"}, Text: text}
	if info, err := os.Stat(d.path(CloudConfigFile)); err == nil {
		e.Time = info.ModTime()
	}
	return e
}

func (d desk) keep(e Entry) error {
	e.Sum = sum(e.Text)
	data, err := e.file()
	if err != nil {
		return fmt.Errorf("cannot write history entry %d: %w", e.Number, err)
	}
	dir := d.path(historyDir)
	if err := mkdirs(d.disk, dir); err != nil {
		return err
	}
	return replace(d.disk, entryName(dir, e.Number), data)
}

// prune removes the oldest entries beyond what history keeps, and what power
// cuts left; the entry that a trial goes back to stays.
func (d desk) prune(needed int) error {
	dir := d.path(historyDir)
	numbers, err := entryNumbers(dir)
	size := int64(0)
	for i, n := range slices.Backward(numbers) {
		info, statErr := os.Stat(entryName(dir, n))
		if statErr != nil {
			err = errors.Join(err, statErr)
			continue
		}
		size += info.Size()
		newer := len(numbers) - 1 - i
		if newer >= alwaysKept && n != needed && (newer >= mostEntries || size > mostHistory) {
			err = errors.Join(err, d.disk.Remove(entryName(dir, n)))
		}
	}
	if err != nil {
		return fmt.Errorf("cannot make room in the history: %w", err)
	}
	return sweep(d.disk, filepath.Join(dir, "*"))
}
