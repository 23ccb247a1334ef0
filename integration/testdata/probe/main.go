// Command probe is what the tests' containers run: one static program that
// serves, asks, looks names up and looks for files.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		args = []string{"sleep"}
	}
	switch verb, rest := args[0], args[1:]; {
	case verb == "sleep":
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM) // without it, nothing could ever wake us, and the runtime gives up
		<-told
		return nil
	case verb == "say" && len(rest) == 1:
		fmt.Println(rest[0])
		return nil
	case verb == "serve" && len(rest) == 2:
		return http.ListenAndServe(rest[0], http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, rest[1])
		}))
	case verb == "get" && len(rest) == 1:
		return get(rest[0])
	case verb == "lookup" && len(rest) == 1:
		addrs, err := net.LookupHost(rest[0])
		fmt.Println(addrs)
		return err
	case verb == "exists" && len(rest) > 0:
		for _, path := range rest {
			if _, err := os.Lstat(path); err == nil {
				fmt.Println(path)
			}
		}
		return nil
	}
	return fmt.Errorf("cannot do %q", args)
}

func get(url string) error {
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(os.Stdout, resp.Body)
	return err
}
