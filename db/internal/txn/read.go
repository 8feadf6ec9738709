// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// read gives what a key has, decoded; ok is false if it has nothing. What decode gets is not to be kept.
func read[T any](r pebble.Reader, key []byte, decode func([]byte) (T, error)) (v T, ok bool, err error) {
	b, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return v, false, nil
	} else if err != nil {
		return v, false, err
	}
	defer closer.Close()
	v, err = decode(b)
	return v, err == nil, err
}
