// Hello says what it was built with, and waits for its end. It is the program of an
// image that tests build.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	text, err := os.ReadFile("/said")
	fmt.Println(string(text), err)
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
}
