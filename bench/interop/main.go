// SPDX-License-Identifier: Apache-2.0

// Interop measures a Banyan node and an Erlang node as the peer of one and the same Erlang client, alternating, in one run.
//
//	go run -C bench ./interop [--rounds 5] [--raw results/interop.txt]
package main

import (
	"bufio"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

//go:embed client.erl
var client []byte

const cookie = "interopinteropinterop"

// rows are what client.erl measures, with the least ratio to Erlang's figure that is asked for.
var rows = []struct {
	name, what string
	least      float64
}{
	{"roundtrips", "echo round trips, /s", 1},
	{"pipelined", "pipelined echoes, /s", 1},
	{"megabyte", "1 MB payloads there and back, MB/s", 0.7},
	{"erpc", "erpc calls, one caller, /s", 1},
	{"erpc16", "erpc calls, 16 callers, /s", 1},
}

func main() {
	rounds := flag.Int("rounds", 5, "how often each is measured")
	raw := flag.String("raw", "", "file for the raw figures")
	flag.Parse()
	if err := run(*rounds, *raw); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}

func run(rounds int, raw string) error {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "client.erl"), client, 0o600); err != nil {
		return err
	}
	if out, err := command(dir, 0, "erlc", "client.erl").Output(); err != nil {
		return fmt.Errorf("erlc: %w: %s", err, out)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "target"), "../internal/interoptarget")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	epmd := l.Addr().(*net.TCPAddr).Port
	l.Close()

	stopGo, err := serve(command(dir, epmd, filepath.Join(dir, "target"), "--name", "bt@127.0.0.1", "--cookie", cookie, "--hidden", "--stdin"))
	if err != nil {
		return fmt.Errorf("the Banyan target: %w", err)
	}
	defer stopGo()
	stopErl, err := serve(erl(dir, epmd, "et", `client:target(), io:format("ready~n"), io:get_line(""), halt(0).`))
	if err != nil {
		return fmt.Errorf("the Erlang target: %w", err)
	}
	defer stopErl()

	cmd := erl(dir, epmd, "ec", fmt.Sprintf("client:main('bt@127.0.0.1', 'et@127.0.0.1', %d).", rounds))
	cmd.Stdin = nil
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("the client: %w\n%s", err, out)
	}
	if raw != "" {
		if err := os.WriteFile(raw, out, 0o644); err != nil {
			return err
		}
	}
	return report(os.Stdout, string(out))
}

// command is a program with a home and an epmd of its own.
func command(dir string, epmd int, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "ERL_EPMD_ADDRESS=127.0.0.1", "ERL_EPMD_PORT="+strconv.Itoa(epmd))
	cmd.Stderr = os.Stderr
	return cmd
}

func erl(dir string, epmd int, alive, eval string) *exec.Cmd {
	return command(dir, epmd, "erl", "-noshell", "-name", alive+"@127.0.0.1", "-hidden", "-setcookie", cookie,
		"-kernel", "inet_dist_use_interface", "{127,0,0,1}", "-pa", dir, "-eval", eval)
}

// serve starts a target and waits until it is ready; stop ends its input, on which it ends.
func serve(cmd *exec.Cmd) (stop func(), err error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		in.Close()
		_ = cmd.Wait() // how it ended is no matter here
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "ready") {
		err = fmt.Errorf("it says %q", line)
	}
	if err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

// report prints medians and ratios; an error if a bar is missed.
func report(w io.Writer, raw string) error {
	figures := map[string][]float64{}
	for line := range strings.Lines(raw) {
		f := strings.Fields(line)
		if len(f) != 4 {
			continue
		}
		v, err := strconv.ParseFloat(f[3], 64)
		if err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		figures[f[0]+" "+f[1]] = append(figures[f[0]+" "+f[1]], v)
	}
	var missed []error
	fmt.Fprintln(w, "| row | Banyan target | Erlang target | ratio | wanted |\n|---|---|---|---|---|")
	for _, r := range rows {
		b, e := median(figures[r.name+" banyan"]), median(figures[r.name+" erlang"])
		if e == 0 {
			return fmt.Errorf("no figure for %s", r.name)
		}
		fmt.Fprintf(w, "| %s | %.0f | %.0f | %.2f | %.1f |\n", r.what, b, e, b/e, r.least)
		if b/e < r.least {
			missed = append(missed, fmt.Errorf("%s: %.2f x Erlang, %.1f wanted", r.what, b/e, r.least))
		}
	}
	return errors.Join(missed...)
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}
