// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"fmt"
	"strings"
)

// order sorts applications so that each stands behind all that it needs, and otherwise where it was given.
func order(given []Application) ([]*App, error) {
	var errs []error
	byName := make(map[string]*App, len(given))
	var apps []*App
	for i, g := range given {
		if g == nil {
			errs = append(errs, fmt.Errorf("app: argument %d is nil", i+1))
			continue
		}
		a := asApp(g)
		switch {
		case a.name == "":
			errs = append(errs, fmt.Errorf("app: application %d has no name", i+1))
		case byName[a.name] != nil:
			errs = append(errs, fmt.Errorf("app: there are two applications named %q: rename one", a.name))
		case a.mode > Temporary:
			errs = append(errs, fmt.Errorf("app: %q has the mode %s: use Permanent, Transient or Temporary", a.name, a.mode))
		default:
			byName[a.name] = a
			apps = append(apps, a)
		}
	}
	for _, a := range apps {
		for _, need := range a.needs {
			if byName[need] == nil {
				errs = append(errs, fmt.Errorf("app: %q needs %q, which is not among the applications: add it", a.name, need))
			}
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	s := sorter{byName: byName, state: make(map[*App]int)}
	for _, a := range apps {
		if err := s.visit(a); err != nil {
			return nil, err
		}
	}
	return s.sorted, nil
}

// sorter is a depth-first walk over the needs.
type sorter struct {
	byName map[string]*App
	state  map[*App]int // 1 on the path, 2 done
	path   []string
	sorted []*App
}

func (s *sorter) visit(a *App) error {
	switch s.state[a] {
	case 2:
		return nil
	case 1:
		from := 0
		for s.path[from] != a.name {
			from++
		}
		return fmt.Errorf("app: applications need each other in a circle: %s -> %s: take one of the needs away",
			strings.Join(s.path[from:], " -> "), a.name)
	}
	s.state[a] = 1
	s.path = append(s.path, a.name)
	for _, need := range a.needs {
		if err := s.visit(s.byName[need]); err != nil {
			return err
		}
	}
	s.path = s.path[:len(s.path)-1]
	s.state[a] = 2
	s.sorted = append(s.sorted, a)
	return nil
}
