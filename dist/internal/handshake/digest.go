// SPDX-License-Identifier: Apache-2.0

package handshake

import (
	"crypto/md5"
	"crypto/subtle"
	"strconv"
)

// digestSize is the length of a digest.
const digestSize = md5.Size

// digest is MD5(cookie || challenge in decimal): what proves, without showing it, that one knows the cookie.
func digest(cookie string, challenge uint32) [digestSize]byte {
	return md5.Sum(strconv.AppendUint(toLatin1(cookie), uint64(challenge), 10))
}

// Digest is what a node that knows the cookie answers to a challenge, for tests that make a handshake by hand.
func Digest(cookie string, challenge uint32) []byte {
	sum := digest(cookie, challenge)
	return sum[:]
}

// proves compares in constant time.
func proves(got []byte, cookie string, challenge uint32) bool {
	want := digest(cookie, challenge)
	return subtle.ConstantTimeCompare(got, want[:]) == 1
}
