// SPDX-License-Identifier: Apache-2.0

package tenure

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
)

// lockName is the file, in a node's folder, that its process has locked as long as it lives. The system takes the lock away when the process ends, and not
// before: so whoever of the same machine gets the lock has proof that the process has ended. The file has a mark in it, drawn anew by each process after it has got
// the lock, which says whose end is proved.
const lockName = "alive"

// proof is this process's own lock.
type proof struct {
	row  Lock
	file *os.File
}

// newProof locks the file of a folder. Where that cannot be done there is no proof, and death is told by silence; that is no error.
func newProof(dir string) *proof {
	machine := machineID()
	path, err := filepath.Abs(filepath.Join(dir, lockName))
	if machine == "" || err != nil {
		return &proof{}
	}
	f, err := lockFile(path, true)
	if err != nil {
		return &proof{}
	}
	mark := rand.Text()
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(mark), 0)
	}
	if err != nil {
		_ = f.Close()
		return &proof{}
	}
	return &proof{Lock{machine, path, mark}, f}
}

// GiveProof makes it look to other nodes of the machine as if this process had ended, as the system does when it ends: for tests. False: this node
// has no such proof to give.
func (k *Keeper) GiveProof() bool {
	if k.proof.file == nil {
		return false
	}
	k.proof.close()
	return true
}

// close gives the lock back: from then on the process counts as ended.
func (p *proof) close() {
	if p.file != nil {
		_ = p.file.Close()
	}
}

// dead reports whether the process that a row is of has ended. False says nothing.
func (r Lock) dead() bool {
	if r.Path == "" || r.Machine != machineID() {
		return false
	}
	f, err := lockFile(r.Path, false)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, len(r.Mark)+1)
	n, _ := f.ReadAt(b, 0)
	return string(b[:n]) == r.Mark
}

// machineID names this start of this machine; "" where that is not known.
func machineID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
