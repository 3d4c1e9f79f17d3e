package dependency

import "strings"

// table is a growing array that never moves what it holds.
type table[T any] struct {
	pages [][]T
	n     uint32
}

const pageBits = 10

func (t *table[T]) at(i uint32) *T { return &t.pages[i>>pageBits][i&(1<<pageBits-1)] }

// grow adds a zero T and returns its number.
func (t *table[T]) grow() uint32 {
	if t.n>>pageBits == uint32(len(t.pages)) {
		t.pages = append(t.pages, make([]T, 1<<pageBits))
	}
	t.n++
	return t.n - 1
}

// take returns the number of an entry that is free.
func take[T any](free *[]uint32, t *table[T]) uint32 {
	if n := len(*free); n > 0 {
		number := (*free)[n-1]
		*free = (*free)[:n-1]
		return number
	}
	return t.grow()
}

// opOf returns the number of an operation, and false if there are too many. Rows mostly come in the order of
// the minute before, so it looks first at the one that followed the last one then: a map of a million keys
// takes longer.
func (j *Judge) opOf(key opKey, after uint32, at int32) (uint32, bool) {
	if j.opTab.n > 0 {
		number := j.opTab.at(after).next
		if o := j.opTab.at(number); o.last != 0 && o.name == key.name && j.callerTab.at(o.caller).id == key.caller {
			o.last = max(o.last, at)
			return number, true
		}
	}
	number, ok := j.ops[key]
	if !ok {
		if len(j.ops) >= j.cfg.Sites {
			return 0, false
		}
		key.name = strings.Clone(key.name)
		c, ok := j.callers[key.caller]
		if !ok {
			c = take(&j.callerFree, &j.callerTab)
			j.callerTab.at(c).id = key.caller
			j.callers[key.caller] = c
		}
		number = take(&j.opFree, &j.opTab)
		*j.opTab.at(number) = operation{name: key.name, caller: c}
		j.ops[key] = number
	}
	o := j.opTab.at(number)
	o.last = max(o.last, at)
	j.opTab.at(after).next = number
	return number, true
}

// siteOf returns the number of a call site, and false if there are too many. It looks first as opOf does.
func (j *Judge) siteOf(key siteKey, after uint32, at int32) (uint32, bool) {
	if j.siteTab.n > 0 {
		number := j.siteTab.at(after).next
		if s := j.siteTab.at(number); s.op == key.op && s.callee == key.callee {
			s.first, s.last = min(s.first, at), max(s.last, at)
			return number, true
		}
	}
	number, ok := j.sites[key]
	if !ok {
		if len(j.sites) >= j.cfg.Sites {
			return 0, false
		}
		number = take(&j.siteFree, &j.siteTab)
		*j.siteTab.at(number) = site{op: key.op, callee: key.callee, first: at}
		j.sites[key] = number
		j.fresh = append(j.fresh, number)
		j.mark(number)
	}
	s := j.siteTab.at(number)
	s.first, s.last = min(s.first, at), max(s.last, at)
	j.siteTab.at(after).next = number
	return number, true
}
