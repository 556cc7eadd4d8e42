// testing/bench/skew.go — the service with a goroutine per connection; see skew.c.
//
// The service is a blocking system call, as in the other servers; GOMAXPROCS is the number of workers. Ends
// when its standard input does.
//
// Usage: skew_go WORKERS
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"
)

const messageBytes = 16

func sleep(ns uint64) {
	left := syscall.NsecToTimespec(int64(ns))
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}

func serve(c net.Conn) {
	var m [messageBytes]byte
	defer c.Close()
	for {
		if _, err := io.ReadFull(c, m[:]); err != nil {
			return
		}
		sleep(binary.LittleEndian.Uint64(m[8:]))
		if _, err := c.Write(m[:]); err != nil {
			return
		}
	}
}

func main() {
	workers, err := strconv.Atoi(os.Args[1])
	if err != nil {
		os.Exit(2)
	}
	runtime.GOMAXPROCS(workers)
	pid := os.Getpid()
	l, err := net.Listen("unix", fmt.Sprintf("@evrt-skew-%d", pid))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(pid)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	io.Copy(io.Discard, os.Stdin)
}
