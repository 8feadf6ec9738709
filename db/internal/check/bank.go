// SPDX-License-Identifier: Apache-2.0

package check

import "fmt"

// Bank checks what one transaction read of all accounts, between which money is moved: their sum is total, and none is below 0.
func Bank(total int64, balances []int64) error {
	sum := int64(0)
	for i, b := range balances {
		if sum += b; b < 0 {
			return fmt.Errorf("account %d of %v has less than nothing", i, balances)
		}
	}
	if sum != total {
		return fmt.Errorf("the accounts have %d together, and not %d: %v", sum, total, balances)
	}
	return nil
}
