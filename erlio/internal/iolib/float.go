// SPDX-License-Identifier: Apache-2.0

package iolib

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// float is ~e, ~f and ~g.
func (e *evaluator) float(s spec, letter rune, f float64) error {
	p := s.prec
	if p == none {
		p = 6
	}
	if p > 10_000 {
		return ErrTooLong
	}
	if letter == 'g' {
		if letter, p = general(math.Abs(f), p); letter == 0 {
			return fmt.Errorf("%w: a precision of %d for a float", ErrFormat, p)
		}
	}
	var text string
	switch {
	case letter == 'e' && p >= 2:
		text = exponential(f, p)
	case letter == 'f' && p >= 1:
		text = fixed(f, p)
	default:
		return fmt.Errorf("%w: a precision of %d for a float", ErrFormat, p)
	}
	s.prec = none
	if s.width != none {
		s.prec = s.width
	}
	return e.term(s, text)
}

// general chooses for ~g: plain from 0.1 to 10000 if the precision suffices.
func general(a float64, p int) (rune, int) {
	if p < 1 {
		return 0, p
	}
	e, plain := -2, a < 1e4
	for _, limit := range []float64{0.1, 1, 10, 100, 1e3} {
		if a >= limit {
			e++
		}
	}
	switch {
	case plain && (p <= 1 && e == -1 || p-1 > e && e >= -1):
		return 'f', p - 1 - e
	case p <= 1:
		return 'e', 2
	}
	return 'e', p
}

// digits are the 21 first digits of |f|, and how many of them are before the point.
func digits(f float64) (d string, point int) {
	text := strconv.FormatFloat(math.Abs(f), 'e', 20, 64)
	mantissa, exp, _ := strings.Cut(text, "e")
	n, err := strconv.Atoi(exp)
	if err != nil { // not finite, which no term is
		return "0", 1
	}
	return strings.Replace(mantissa, ".", "", 1), n + 1
}

// round cuts digits to n, half up; carry tells that there is one more before the first.
func round(d string, n int) (string, bool) {
	if n >= len(d) {
		return d + strings.Repeat("0", n-len(d)), false
	}
	b := []byte(d[:n])
	if d[n] < '5' {
		return string(b), false
	}
	for i := n - 1; i >= 0; i-- {
		if b[i] < '9' {
			b[i]++
			return string(b), false
		}
		b[i] = '0'
	}
	return string(b), true
}

func sign(f float64) string {
	if math.Signbit(f) {
		return "-"
	}
	return ""
}

// exponential has p digits in all.
func exponential(f float64, p int) string {
	d, point := digits(f)
	d, carry := round(d, p)
	if carry {
		d, point = "1"+d[1:], point+1
	}
	exp := strconv.Itoa(point - 1)
	if point >= 1 {
		exp = "+" + exp
	}
	return sign(f) + d[:1] + "." + d[1:] + "e" + exp
}

// fixed has p digits behind the point.
func fixed(f float64, p int) string {
	d, point := digits(f)
	if point <= 0 {
		d, point = strings.Repeat("0", 1-point)+d, 1
	}
	d, carry := round(d, point+p)
	if carry {
		d, point = "1"+d, point+1
	}
	return sign(f) + d[:point] + "." + d[point:]
}
