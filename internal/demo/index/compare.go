// SPDX-License-Identifier: Apache-2.0

package index

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
)

// Equal compares two index files byte for byte. If they differ, where tells the first lines that do.
func Equal(a, b string) (equal bool, where string, err error) {
	fa, err := os.Open(a)
	if err != nil {
		return false, "", err
	}
	defer fa.Close()
	fb, err := os.Open(b)
	if err != nil {
		return false, "", err
	}
	defer fb.Close()
	ra, rb := bufio.NewReaderSize(fa, 256<<10), bufio.NewReaderSize(fb, 256<<10)
	for n := 1; ; n++ {
		la, ea := ra.ReadBytes('\n')
		lb, eb := rb.ReadBytes('\n')
		if !bytes.Equal(la, lb) {
			return false, fmt.Sprintf("line %d: %s against %s", n, excerpt(la), excerpt(lb)), nil
		}
		switch {
		case ea == io.EOF && eb == io.EOF:
			return true, "", nil
		case ea != nil && ea != io.EOF:
			return false, "", ea
		case eb != nil && eb != io.EOF:
			return false, "", eb
		}
	}
}

func excerpt(line []byte) string {
	if len(line) == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%.100q", line)
}
