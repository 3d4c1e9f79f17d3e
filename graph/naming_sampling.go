package graph

import (
	"strconv"
	"strings"
)

// SamplingWeight returns how many calls a span stands for, as the tracestate of W3C trace context tells
// it: member ot, sub-key th (OpenTelemetry's rejection threshold) or the older p. It is at least 1 and at
// most limit, since it comes from a stranger. known is false, and the weight 1, if tracestate says
// nothing or cannot be read.
func SamplingWeight(tracestate string, limit float64) (weight float32, known bool) {
	if tracestate == "" {
		return 1, false
	}
	for member := range strings.SplitSeq(tracestate, ",") {
		key, list, _ := strings.Cut(strings.Trim(member, " \t"), "=")
		if key != "ot" {
			continue
		}
		p := ""
		for sub := range strings.SplitSeq(list, ";") {
			switch k, v, _ := strings.Cut(sub, ":"); k {
			case "th":
				w, ok := thresholdWeight(v)
				return float32(min(w, limit)), ok
			case "p":
				p = v
			}
		}
		w, ok := powerWeight(p)
		return float32(min(w, limit)), ok
	}
	return 1, false
}

// thresholdWeight reads a rejection threshold: the first of 14 hexadecimal digits T, trailing zeros left
// out. A share of T / 2^56 of all spans was rejected.
func thresholdWeight(th string) (float64, bool) {
	const digits, all = 14, 1 << 56
	if len(th) == 0 || len(th) > digits {
		return 1, false
	}
	t := uint64(0)
	for i := range digits {
		t <<= 4
		if i >= len(th) {
			continue
		}
		switch c := th[i]; {
		case '0' <= c && c <= '9':
			t |= uint64(c - '0')
		case 'a' <= c && c <= 'f':
			t |= uint64(c-'a') + 10
		default:
			return 1, false
		}
	}
	return all / float64(all-t), true
}

// powerWeight reads the older form: a share of 2^-p of all spans was kept. 63 said "none" and so cannot
// be the p of a span that came.
func powerWeight(p string) (float64, bool) {
	n, err := strconv.ParseUint(p, 10, 8)
	if err != nil || n > 62 {
		return 1, false
	}
	return float64(uint64(1) << n), true
}
