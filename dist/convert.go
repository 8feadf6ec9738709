// SPDX-License-Identifier: Apache-2.0

package dist

import "github.com/banyan-go/banyan/etf"

// FromTerm makes it a banyan.TermConverter, see etf.FromTerm.
func (*Transport) FromTerm(t, into, env any) error { return etf.FromTerm(t, into, env) }
