// SPDX-License-Identifier: Apache-2.0

package index

import (
	"unicode"
	"unicode/utf8"
)

// MaxWord is the length in bytes of the longest word.
const MaxWord = 64

// What a byte below utf8.RuneSelf does to a word: nothing of its own, it goes on with one, or it may start one.
const (
	gap = iota
	within
	start
)

// ascii says for each byte what it does, and lower which byte stands for it in a word.
var ascii, lower = func() (class, low [utf8.RuneSelf]byte) {
	for c := range class {
		low[c] = byte(c)
		switch {
		case 'a' <= c && c <= 'z', c == '_':
			class[c] = start
		case 'A' <= c && c <= 'Z':
			class[c], low[c] = start, byte(c-'A'+'a')
		case '0' <= c && c <= '9':
			class[c] = within
		}
	}
	return
}()

// Words calls f for each word of text, in order. The slice that f gets is valid during the call only.
func Words(text []byte, f func(word []byte)) {
	var buf [MaxWord + utf8.UTFMax]byte
	n := 0        // bytes of the run in buf; more than MaxWord: it is too long
	word := false // the run started as a word does
	run := false  // we are in a run
	end := func() {
		if word && n <= MaxWord {
			f(buf[:n])
		}
		n, word, run = 0, false, false
	}
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			class := ascii[c]
			if class == gap {
				if run {
					end()
				}
				continue
			}
			if !run {
				run, word = true, class == start
			}
			if n <= MaxWord {
				buf[n] = lower[c]
				n++
			}
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		i += size
		letter := unicode.IsLetter(r)
		if r == utf8.RuneError && size == 1 || !letter && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			if run {
				end()
			}
			continue
		}
		if !run {
			run, word = true, letter
		}
		if n <= MaxWord {
			n += utf8.EncodeRune(buf[n:], unicode.ToLower(r))
		}
	}
	if run {
		end()
	}
}
