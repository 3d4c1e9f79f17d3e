package tier

// What the parts of ingest that grow with the traffic may take of a limit on memory, as divisors of it, and
// about what a piece of each takes. The doors take a quarter for the requests in flight by themselves; the
// rest is for names, indexes, answers, and the room that the collector needs.
const (
	shareRemembered, perRemembered = 5, 160
	shareSpilled, perSpilled       = 10, 12
	shareQueued, perQueued         = 10, 1 << 10
	shareRows, perRow              = 10, 1 << 10
)

// fitMemory lowers the bounds of ingest to what a limit on memory has room for; 0 is no limit.
func (c *Config) fitMemory(limit int64) {
	if limit <= 0 {
		return
	}
	in := &c.Ingest
	for _, b := range []struct {
		bound      *int
		share, per int64
	}{
		{&in.Match.MaxSpans, shareRemembered, perRemembered},
		{&in.Match.MaxSpilled, shareSpilled, perSpilled},
		{&in.MaxQueued, shareQueued, perQueued},
		{&in.MaxRows, shareRows, perRow},
	} {
		*b.bound = min(*b.bound, max(int(limit/b.share/b.per), 1000))
	}
}
