package proc

import (
	"math"
	"runtime/debug"
)

// LimitMemory makes the runtime keep the memory of this process under limit bytes, as far as what it uses
// allows. 0 leaves the limit as it is, which is GOMEMLIMIT if that is set. It returns the limit that holds
// from now on, or 0 if there is none.
func LimitMemory(limit int64) int64 {
	if limit > 0 {
		debug.SetMemoryLimit(limit)
	}
	if limit = debug.SetMemoryLimit(-1); limit == math.MaxInt64 {
		return 0
	}
	return limit
}
