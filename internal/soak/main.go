// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
)

func main() {
	minutes := flag.Float64("minutes", 10, "how long")
	seed := flag.Uint64("seed", 1, "the first seed")
	flag.Parse()
	// What is run is internal to package db, so it is run as db's own test.
	cmd := exec.Command("go", "test", "./db/internal/box", "-run", "^TestSoak$", "-count=1", "-timeout=0", "-v",
		"-args", fmt.Sprintf("-soak=%gm", *minutes), fmt.Sprintf("-seed=%d", *seed))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}
