package cascade

// What is kept of the latest buckets takes most of the memory. It is one bucket's each, so that what timing says of several follows
// from the rest, and counts and sums of ten seconds are exact enough with seven digits.

// youngTiming is the timing of one bucket.
type youngTiming struct{ n, sum, squares, logs, logSquares float32 }

func (y *youngTiming) take(t *timing) {
	*y = youngTiming{float32(t.n), float32(t.sum), float32(t.squares), float32(t.logs), float32(t.logSquares)}
}

func (y *youngTiming) timing() timing {
	t := timing{n: float64(y.n), sum: float64(y.sum), squares: float64(y.squares), logs: float64(y.logs), logSquares: float64(y.logSquares)}
	t.closeBucket()
	return t
}

// youngOperation is the operationSum of one bucket.
type youngOperation struct {
	requests, failed float32
	time             youngTiming
	times            durationCounts
}

// youngCall is the callSum of one bucket.
type youngCall struct {
	calls, failed float32
	client        youngTiming
	answered      float32
	answers       float32 // in µs
	waves         float32
}

// take adds the sums of a bucket to a stretch. A single bucket comes once.
func (o *operationSeries) take(stretch int, x *operationSum) {
	if stretch <= recent {
		o.older[stretch].add(x)
		return
	}
	y := &o.young[stretch-recent-1]
	*y = youngOperation{requests: float32(x.requests), failed: float32(x.failed), times: x.times}
	y.time.take(&x.time)
}

func (o *operationSeries) empty(stretch int) {
	if stretch <= recent {
		o.older[stretch] = operationSum{}
		return
	}
	o.young[stretch-recent-1] = youngOperation{}
}

func (o *operationSeries) sum(stretch int) operationSum {
	if stretch <= recent {
		return o.older[stretch]
	}
	return operationSum{o.requests(stretch), o.failed(stretch), o.time(stretch), o.times(stretch)}
}

func (o *operationSeries) requests(stretch int) float64 {
	if stretch <= recent {
		return o.older[stretch].requests
	}
	return float64(o.young[stretch-recent-1].requests)
}

func (o *operationSeries) failed(stretch int) float64 {
	if stretch <= recent {
		return o.older[stretch].failed
	}
	return float64(o.young[stretch-recent-1].failed)
}

func (o *operationSeries) time(stretch int) timing {
	if stretch <= recent {
		return o.older[stretch].time
	}
	return o.young[stretch-recent-1].time.timing()
}

// buckets is in how many buckets of a stretch there were requests that took time.
func (o *operationSeries) buckets(stretch int) float64 {
	if stretch <= recent {
		return o.older[stretch].time.buckets
	}
	return min(1, float64(o.young[stretch-recent-1].time.n))
}

func (o *operationSeries) times(stretch int) durationCounts {
	if stretch <= recent {
		return o.older[stretch].times
	}
	return o.young[stretch-recent-1].times
}

// take adds the sums of a bucket to a stretch. A single bucket comes once.
func (c *callSeries) take(stretch int, x *callSum) {
	if stretch <= recent {
		c.older[stretch].add(x)
		return
	}
	y := &c.young[stretch-recent-1]
	*y = youngCall{calls: float32(x.calls), failed: float32(x.failed), answered: float32(x.server.n), answers: float32(x.server.sum), waves: float32(x.waves)}
	y.client.take(&x.client)
}

func (c *callSeries) empty(stretch int) {
	if stretch <= recent {
		c.older[stretch] = callSum{}
		return
	}
	c.young[stretch-recent-1] = youngCall{}
}

func (c *callSeries) sum(stretch int) callSum {
	if stretch <= recent {
		return c.older[stretch]
	}
	y := &c.young[stretch-recent-1]
	return callSum{float64(y.calls), float64(y.failed), y.client.timing(), answers{float64(y.answered), float64(y.answers)}, float64(y.waves)}
}

func (c *callSeries) calls(stretch int) float64 {
	if stretch <= recent {
		return c.older[stretch].calls
	}
	return float64(c.young[stretch-recent-1].calls)
}

func (c *callSeries) failed(stretch int) float64 {
	if stretch <= recent {
		return c.older[stretch].failed
	}
	return float64(c.young[stretch-recent-1].failed)
}

func (c *callSeries) time(stretch int) timing {
	if stretch <= recent {
		return c.older[stretch].client
	}
	return c.young[stretch-recent-1].client.timing()
}

func (c *callSeries) answered(stretch int) float64 {
	if stretch <= recent {
		return c.older[stretch].server.n
	}
	return float64(c.young[stretch-recent-1].answered)
}

func (c *callSeries) waves(stretch int) float64 {
	if stretch <= recent {
		return c.older[stretch].waves
	}
	return float64(c.young[stretch-recent-1].waves)
}
