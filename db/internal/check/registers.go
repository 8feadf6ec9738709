// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"math"
	"time"

	"github.com/anishathalye/porcupine"
)

// RegisterOp is what a client did to the value of one key, 0 at first.
type RegisterOp struct {
	Process      int
	Call, Return int64 // Return does not count if the outcome is Unknown
	Outcome      Outcome
	Key          string
	Write        bool
	Value        int64 // what was written, or read
}

// register is a number that is read and written.
var register = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		op := input.(RegisterOp)
		if op.Write {
			return true, op.Value
		}
		return state.(int64) == op.Value, state
	},
}

// Registers checks that the history of each key is linearizable, for at most limit each. What takes longer counts as wrong: use a
// shorter history.
func Registers(history []RegisterOp, limit time.Duration) error {
	keys := map[string][]porcupine.Operation{}
	for _, op := range history {
		end := op.Return
		if op.Outcome == Unknown {
			end = math.MaxInt64
		}
		if op.Outcome == Aborted || op.Outcome == Unknown && !op.Write {
			continue
		}
		keys[op.Key] = append(keys[op.Key], porcupine.Operation{ClientId: op.Process, Input: op, Call: op.Call, Return: end})
	}
	for key, ops := range keys {
		switch porcupine.CheckOperationsTimeout(register, ops, limit) {
		case porcupine.Illegal:
			return fmt.Errorf("the %d operations on %s are not linearizable", len(ops), key)
		case porcupine.Unknown:
			return fmt.Errorf("the %d operations on %s are too many to be checked in %v", len(ops), key, limit)
		}
	}
	return nil
}
