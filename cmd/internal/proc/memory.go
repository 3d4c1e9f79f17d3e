package proc

import "runtime/debug"

// LimitMemory makes the runtime keep the memory of this process under limit bytes, as far as what it uses
// allows. 0 leaves the limit as it is, which is GOMEMLIMIT if that is set.
func LimitMemory(limit int64) {
	if limit > 0 {
		debug.SetMemoryLimit(limit)
	}
}
