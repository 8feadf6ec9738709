// SPDX-License-Identifier: Apache-2.0

// Package wholefile replaces files as a whole: whoever opens the path finds the old file or the new one, also after a crash, never a
// part.
//
//	err := wholefile.Write(path, func(w io.Writer) error { _, err := w.Write(text); return err })
//
// Concurrency: of two that write one path the last to finish wins. Cost: two syncs to disk.
package wholefile
