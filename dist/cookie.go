// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

// maxCookie is the length of the longest cookie, as in OTP.
const maxCookie = 511

// checkCookie refuses what an Erlang node could not have as its cookie.
func checkCookie(c string) error {
	if c == "" || len(c) > maxCookie {
		return fmt.Errorf("a cookie has 1 to %d characters", maxCookie)
	}
	if strings.ContainsFunc(c, func(r rune) bool { return r < ' ' || r > 0xFF }) {
		return errors.New("a cookie has Latin-1 characters only, and no control characters")
	}
	return nil
}

// readCookie reads a file that only its owner may read.
func readCookie(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("dist: reading the cookie: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("dist: the cookie file %s can be read or written by others (mode %04o): chmod 400 it, and change the cookie",
			path, info.Mode().Perm())
	}
	if info.Size() > maxCookie+2 {
		return "", fmt.Errorf("dist: the cookie file %s has %d bytes, more than a cookie can", path, info.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("dist: reading the cookie: %w", err)
	}
	c := strings.TrimRight(string(b), "\r\n")
	if err := checkCookie(c); err != nil {
		return "", fmt.Errorf("dist: the cookie file %s: %w", path, err)
	}
	return c, nil
}

// homeCookie is readCookie for the file all nodes of a user share, which the first of them makes.
func homeCookie(path string) (string, error) {
	c, err := readCookie(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	// Linked into place whole: another node may be doing the same, and must not read half a cookie.
	f, err := os.CreateTemp(dir(path), ".erlang.cookie-*")
	if err != nil {
		return "", fmt.Errorf("dist: making a cookie: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(newCookie())
	err = errors.Join(err, f.Chmod(0o400), f.Close())
	if err == nil {
		if err = os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
			err = nil // the other was faster; use what it wrote
		}
	}
	if err != nil {
		return "", fmt.Errorf("dist: making a cookie: %w", err)
	}
	return readCookie(path)
}

// dir is the directory of path.
func dir(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return "."
}

// newCookie draws 20 capital letters, as OTP does.
func newCookie() string {
	b := make([]byte, 0, 20)
	var r [64]byte
	for len(b) < cap(b) {
		rand.Read(r[:])
		for _, c := range r {
			if c < 26*9 && len(b) < cap(b) { // 234 of 256, so that every letter is as likely
				b = append(b, 'A'+c%26)
			}
		}
	}
	return string(b)
}
