package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// trialFile says that the user's file is on trial. It is written before the file
// is, and removed when the trial is over.
const trialFile = ConfDir + "/.try.json"

// mostBoots is how many reboots a trial outlives. A machine without a clock that
// reboots again and again would otherwise never come to the end of one.
const mostBoots = 3

// Trial is a change that is taken back unless it is confirmed.
type Trial struct {
	Author
	Previous int           `json:"previous"` // the history entry that a revert goes back to
	Tried    []string      `json:"tried"`    // SHA-256 of the texts on trial, newest first
	For      time.Duration `json:"for"`
	Began    time.Time     `json:"began"`
	Deadline time.Time     `json:"deadline"`
	Boot     string        `json:"boot"`  // the boot that Until counts in
	Until    time.Duration `json:"until"` // the deadline on the clock of that boot
	Boots    int           `json:"boots"` // reboots since it began
}

// Due says whether the trial's time is up. In one boot only that boot's clock
// counts, whatever is done to the wall clock. After a reboot the wall clock has
// to do: one that is behind the beginning of the trial was lost, and nobody
// knows how much time has passed, so it is up.
func (t Trial) Due(now Moment) bool {
	if now.sameBoot(t.Boot) {
		return now.Up >= t.Until
	}
	return now.Wall.Before(t.Began) || !now.Wall.Before(t.Deadline) || t.Boots >= mostBoots
}

// Left is how long the trial goes on yet.
func (t Trial) Left(now Moment) time.Duration {
	if now.sameBoot(t.Boot) {
		return max(0, t.Until-now.Up)
	}
	return max(0, t.Deadline.Sub(now.Wall))
}

// Verdict is how it stands with a trial.
type Verdict int

// The verdicts.
const (
	NoTrial       Verdict = iota
	OnTrial               // its time is not up
	Confirmed             // the file stays as it is
	Reverted              // the file is what it was before the trial
	ChangedByHand         // the file has a text that was never on trial, and keeps it
)

// String says it in words.
func (v Verdict) String() string {
	switch v {
	case NoTrial:
		return "no trial"
	case OnTrial:
		return "on trial"
	case Confirmed:
		return "confirmed"
	case Reverted:
		return "reverted"
	case ChangedByHand:
		return "changed by hand"
	}
	return "unknown"
}

// OnTrialError refuses a change because another one is on trial.
type OnTrialError struct {
	Trial Trial
	Left  time.Duration
}

func (e OnTrialError) Error() string {
	return fmt.Sprintf("cannot change cloud-config.yml: %q is on trial for another %s ('ros config confirm' keeps it, 'ros config cancel' takes it back)",
		e.Trial.Command, e.Left.Round(time.Second))
}

// Pending is the trial that goes on, as it was written down; whether its time is
// up is not looked at.
func Pending(root string) (Trial, bool, error) {
	data, err := os.ReadFile(filepath.Join(root, trialFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Trial{}, false, nil
	}
	var t Trial
	if err == nil {
		err = json.Unmarshal(data, &t)
	}
	if err != nil {
		return Trial{}, false, fmt.Errorf("cannot read what is on trial: %w", err)
	}
	return t, true, nil
}

// Settle ends the trial below root if its time is up, and says how it stands.
// It must be called before the layers are read, by whoever acts on them.
func Settle(root string, now Moment) (Trial, Verdict, error) {
	return locked(root, now, desk.settle)
}

// Confirm ends the trial below root: what is on trial stays.
func Confirm(root string) (Trial, Verdict, error) { return locked(root, Now(), desk.confirm) }

// Revert ends the trial below root: the file becomes what it was before.
func Revert(root string, now Moment) (Trial, Verdict, error) {
	return locked(root, now, desk.revertNow)
}

// locked does something about a trial, if there is one.
func locked(root string, now Moment, do func(desk) (Trial, Verdict, error)) (Trial, Verdict, error) {
	d := desk{root: root, disk: osDisk{}, now: now}
	if _, err := os.Stat(d.path(trialFile)); errors.Is(err, fs.ErrNotExist) {
		return Trial{}, NoTrial, nil
	}
	unlock, err := d.lock()
	if err != nil {
		return Trial{}, NoTrial, err
	}
	defer unlock()
	return do(d)
}

// begin writes down that text goes on trial. A trial that goes on already is
// gone on with: it goes back to the same entry, and the text that is there now
// is on trial too, since the file may never become the new one.
func (d desk) begin(on Trial, before int, old, text []byte, c Change) (previous int, err error) {
	t := Trial{
		Author: c.Author, Previous: before, Tried: []string{sum(text)}, For: c.Try,
		Began: d.now.Wall, Deadline: d.now.Wall.Add(c.Try), Boot: d.now.Boot, Until: d.now.Up + c.Try,
	}
	if on.Previous != 0 {
		t.Previous, t.Tried = on.Previous, append(t.Tried, sum(old))
	}
	return t.Previous, d.writeTrial(t)
}

func (d desk) writeTrial(t Trial) error {
	data, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write down the trial: %w", err)
	}
	return replace(d.disk, d.path(trialFile), append(data, '\n'))
}

// end forgets the trial. The caller has made durable what it leaves.
func (d desk) end() error {
	if err := d.disk.Remove(d.path(trialFile)); err != nil {
		return fmt.Errorf("cannot end the trial: %w", err)
	}
	if err := d.disk.SyncDir(d.path(ConfDir)); err != nil {
		return fmt.Errorf("cannot end the trial: %w", err)
	}
	return nil
}

// standing reads the trial and looks whether the file has a text that is on
// trial. If not, the trial is over. A power cut, or an end of a trial that got
// no further than the file, leaves the text from before; that is told nobody.
// Any other text is a person's, who knew better than the trial: it stays.
func (d desk) standing() (Trial, Verdict, error) {
	t, pending, err := Pending(d.root)
	if err != nil { // never half written, so spoilt by hand: nothing can be gone back to
		return Trial{}, NoTrial, errors.Join(err, d.end())
	}
	if !pending {
		return Trial{}, NoTrial, nil
	}
	now, err := d.current()
	if err != nil {
		return t, OnTrial, err
	}
	if slices.Contains(t.Tried, sum(now)) {
		return t, OnTrial, nil
	}
	if was, err := readEntry(d.path(historyDir), t.Previous); err == nil && was.Sum == sum(now) {
		return t, NoTrial, d.end()
	}
	notice := fmt.Sprintf("the trial of %q ended because cloud-config.yml was changed by hand: it stays as it is", t.Command)
	if err := d.noteByHand(now, notice); err != nil {
		return t, ChangedByHand, err
	}
	return t, ChangedByHand, d.end()
}

// noteByHand keeps a text that was written by hand, which ended a trial.
func (d desk) noteByHand(text []byte, notice string) error {
	numbers, err := entryNumbers(d.path(historyDir))
	if err != nil {
		return err
	}
	newest := 0
	if len(numbers) > 0 {
		newest = numbers[len(numbers)-1]
	}
	e := d.found(newest+1, text)
	e.Command, e.Notice = "changed by hand", notice
	return d.keep(e)
}

func (d desk) settle() (Trial, Verdict, error) {
	t, verdict, err := d.standing()
	switch {
	case err != nil || verdict != OnTrial:
		return t, verdict, err
	case t.Due(d.now):
		return d.revert(t, fmt.Sprintf("%q was not confirmed within %s: cloud-config.yml is again what it was before", t.Command, t.For))
	case d.now.sameBoot(t.Boot) || d.now.Boot == "":
		return t, OnTrial, nil
	}
	// From now on the clock of this boot counts.
	left := t.Left(d.now)
	t.Boot, t.Until, t.Boots = d.now.Boot, d.now.Up+left, t.Boots+1
	return t, OnTrial, d.writeTrial(t)
}

func (d desk) confirm() (Trial, Verdict, error) {
	t, verdict, err := d.standing()
	if err != nil || verdict != OnTrial {
		return t, verdict, err
	}
	return t, Confirmed, d.end()
}

func (d desk) revertNow() (Trial, Verdict, error) {
	t, verdict, err := d.standing()
	if err != nil || verdict != OnTrial {
		return t, verdict, err
	}
	return d.revert(t, "")
}

// revert makes the file what it was before the trial.
func (d desk) revert(t Trial, notice string) (Trial, Verdict, error) {
	tried, err := d.current()
	if err != nil {
		return t, OnTrial, err
	}
	was, err := readEntry(d.path(historyDir), t.Previous)
	if err != nil {
		return t, OnTrial, fmt.Errorf("cannot take back what is on trial: %w", err)
	}
	by := Author{Who: "ros", Command: "revert " + t.Command}
	if _, err := d.remember(tried, Entry{Author: by, Notice: notice, Text: was.Text}); err != nil {
		return t, OnTrial, err
	}
	if err := replace(d.disk, d.path(CloudConfigFile), was.Text); err != nil {
		return t, OnTrial, err
	}
	if err := d.end(); err != nil {
		return t, Reverted, err
	}
	return t, Reverted, d.prune(0)
}
