// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
)

func main() {
	minutes := flag.Float64("minutes", 10, "how long, at most")
	seed := flag.Uint64("seed", 1, "the first seed")
	seeds := flag.Uint64("seeds", 0, "how many seeds; 0: as many as the time allows")
	replay := flag.Bool("replay", false, "run each seed twice, and compare what happened")
	cuts := flag.Int("cuts", 0, "simulate so many power cuts instead")
	damage := flag.Int("damage", 0, "flip a bit so many times in each kind of file instead")
	processes := flag.Bool("processes", false, "run five real nodes in network namespaces under a nemesis instead; needs root")
	full := flag.Int("full", 0, "fill a disk so many times instead")
	flag.Parse()
	if *processes {
		run("run", "./db/internal/ordeal", fmt.Sprintf("-for=%gm", *minutes), fmt.Sprintf("-seed=%d", *seed))
		return
	}
	test, args := "^TestSoak$", []string{fmt.Sprintf("-soak=%gm", *minutes), fmt.Sprintf("-most=%d", *seeds), fmt.Sprintf("-replay=%t", *replay)}
	switch {
	case *cuts > 0:
		test, args = "^Test(Trade)?PowerCuts$", []string{fmt.Sprintf("-cuts=%d", *cuts)}
	case *full > 0:
		test, args = "^TestFullDisk$", []string{fmt.Sprintf("-fulls=%d", *full)}
	case *damage > 0:
		test, args = "^TestDamage$", []string{fmt.Sprintf("-rots=%d", *damage)}
	}
	// What is run is internal to package db, so it is run as db's own test.
	run(append([]string{"test", "./db/internal/box", "-run", test, "-count=1", "-timeout=0", "-v", "-args", fmt.Sprintf("-seed=%d", *seed)}, args...)...)
}

// run runs the go command, and fails as it does.
func run(args ...string) {
	cmd := exec.Command("go", args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}
