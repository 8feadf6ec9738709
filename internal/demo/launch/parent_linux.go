// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"os/exec"
	"syscall"
)

// dieWithParent lets the kernel kill the child when the thread that starts it ends, however that happens.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
