// The tool of the suite in Go: each first argument is one scenario.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sort"
	"strconv"
	"time"
)

func main() {
	args := os.Args[1:]
	scenario := ""
	if len(args) > 0 {
		scenario = args[0]
	}
	switch scenario {
	case "cat":
		check(io.Copy(os.Stdout, os.Stdin))
	case "exit":
		fmt.Print("bye")
		code, _ := strconv.Atoi(args[1])
		os.Exit(code)
	case "trap":
		panic("on purpose")
	case "sleep":
		// A timer of another goroutine ends the wait, so that the scheduler has to wait too.
		done := make(chan string)
		go func() {
			time.Sleep(20 * time.Millisecond)
			done <- "slept"
		}()
		fmt.Println(<-done)
	case "files":
		files(args[1])
	default:
		fmt.Printf("%q\n", args)
		variables := os.Environ()
		sort.Strings(variables)
		fmt.Printf("%q\n", variables)
		fmt.Fprintln(os.Stderr, "to standard error")
	}
}

func check(_ any, err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func files(folder string) {
	inside := folder + "/inside"
	check(nil, os.Mkdir(inside, 0o700))
	check(nil, os.WriteFile(inside+"/a.txt", []byte("one\n"), 0o600))
	file, err := os.OpenFile(inside+"/a.txt", os.O_APPEND|os.O_WRONLY, 0)
	check(file, err)
	check(file.WriteString("two\n"))
	check(nil, file.Sync())
	check(nil, file.Close())
	check(nil, os.Rename(inside+"/a.txt", inside+"/b.txt"))
	text, err := os.ReadFile(inside + "/../inside/b.txt")
	check(text, err)
	fmt.Print(string(text))
	facts, err := os.Stat(inside + "/b.txt")
	check(facts, err)
	entries, err := os.ReadDir(inside)
	check(entries, err)
	fmt.Println(facts.Size(), entries[0].Name())
	_, err = os.ReadFile(folder + "/none")
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	check(nil, os.Remove(inside+"/b.txt"))
	check(nil, os.Remove(inside))
}
