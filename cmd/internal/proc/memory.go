package proc

import (
	"math"
	"os"
	"runtime/debug"
)

// garbage is how much of what is in use may pile up as garbage, in per cent. Nearly all that is in use are spans
// remembered, which hold no pointers: a collection costs little, and the usual 100 would double the memory.
const garbage = 30

// LimitMemory makes the runtime keep the memory of this process under limit bytes, as far as what it uses
// allows, and little garbage in any case, unless GOGC says otherwise. 0 leaves the limit as it is, which is GOMEMLIMIT if that is set. It returns the limit that holds
// from now on, or 0 if there is none.
func LimitMemory(limit int64) int64 {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	if limit > 0 {
		debug.SetMemoryLimit(limit)
	}
	if limit = debug.SetMemoryLimit(-1); limit == math.MaxInt64 {
		return 0
	}
	return limit
}
