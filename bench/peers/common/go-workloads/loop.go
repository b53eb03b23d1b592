// Package workloads holds what the Go peers share: the loop, the query parameters and the check of the dataset.
package workloads

// Loop runs the n steps of /million-loop, each of which needs the result of the one before.
func Loop(n, seed int64) int64 {
	acc := seed
	for i := int64(0); i < n; i++ {
		acc = acc + i
		if acc&1 != 0 {
			acc = 1_000_000 - acc
		}
	}
	return acc
}
