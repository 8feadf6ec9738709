// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package disk

import "errors"

func extend(uintptr, int64, int64) error { return errors.ErrUnsupported }
