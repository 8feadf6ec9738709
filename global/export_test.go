// SPDX-License-Identifier: Apache-2.0

package global

// AmongErlang takes all nodes for Erlang's, so that the rules for these can be tested without them.
func (c Config) AmongErlang() Config {
	c.strict = true
	return c
}
