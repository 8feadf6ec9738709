// SPDX-License-Identifier: Apache-2.0

package erltest

import (
	"io"
	"os"
	"os/exec"
	"testing"
)

// Self starts the test's own program again, as a process that TestMain tells from a test by env, added to its environment. line is what comes before the
// program, if it is to be in another network; args are its own. Whoever starts it ends it, and waits for it.
func Self(t testing.TB, line, args []string, env ...string) (cmd *exec.Cmd, in io.WriteCloser, out io.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	line = append(append(line[:len(line):len(line)], self), args...)
	cmd = exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = t.Output()
	if in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if out, err = cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, in, out
}
