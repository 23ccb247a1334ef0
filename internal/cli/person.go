package cli

import (
	"bufio"
	"io"
	"os"
	"strings"
)

// person is somebody at a terminal. Questions go to the terminal itself: they
// are seen wherever the output goes.
type person struct{ terminal *os.File }

// person is whoever can be asked: where standard input is no terminal, nobody.
func (a *app) person() (person, bool) {
	if !isTerminal(a.in) {
		return person{}, false
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	return person{tty}, err == nil
}

// interactive says whether there is somebody who can be asked.
func (a *app) interactive() bool {
	p, ok := a.person()
	if ok {
		p.close()
	}
	return ok
}

func (p person) close() { _ = p.terminal.Close() } // nothing is kept in it

// tell shows a text. A terminal that fails answers no question either.
func (p person) tell(text string) { _, _ = io.WriteString(p.terminal, text) }

// ask asks a question and returns the line that is the answer, empty when there
// is none.
func (p person) ask(question string) string {
	p.tell(question)
	// A terminal gives no more than a line at once: nothing is lost in the buffer.
	answer, _ := bufio.NewReader(p.terminal).ReadString('\n')
	return strings.TrimSpace(answer)
}
