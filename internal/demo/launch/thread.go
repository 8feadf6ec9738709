// SPDX-License-Identifier: Apache-2.0

package launch

import "runtime"

// onOneThread runs functions on one thread of the operating system, which lives until the channel is closed.
func onOneThread(fs <-chan func()) {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	for f := range fs {
		f()
	}
}
