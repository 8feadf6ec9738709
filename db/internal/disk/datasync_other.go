// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package disk

import "errors"

type syncer struct{}

func newSyncer() (*syncer, error) { return nil, errors.ErrUnsupported }

func (*syncer) close() error { return nil }

func (*syncer) sync(uintptr) error { return errors.ErrUnsupported }
