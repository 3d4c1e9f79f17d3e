package demo

import "time"

// cycle is how long the schedule of faults takes before it begins again.
const cycle = 12 * time.Minute

// fault is something that goes wrong for a while in every cycle.
type fault struct {
	name      string
	from, to  time.Duration // since the beginning of the cycle
	target    string        // service, or host of a store or external service
	down      bool          // the target answers nobody
	errors    float64       // share of its answers that are errors
	slower    time.Duration // added to each of its answers
	operation string        // only this operation of a service; "" for all
	symptoms  string
}

var faults = []fault{
	{"payment provider errors", 1 * time.Minute, 2*time.Minute + 30*time.Second, "api.pay.example", false, 0.30, 0, "",
		"payment retries up to three times; some checkouts fail all the same"},
	{"catalog database slow", 3*time.Minute + 30*time.Second, 5 * time.Minute, "catalog-db", false, 0, 400 * ms, "",
		"catalog, search and every page become slow; nothing fails"},
	{"recommendation down", 6 * time.Minute, 7 * time.Minute, "recommendation", true, 0, 0, "",
		"the gateway falls back to the catalog; users notice nothing"},
	{"cart cache down", 8 * time.Minute, 9 * time.Minute, "cart-cache", true, 0, 0, "",
		"cart falls back to the orders database"},
	{"fraud scoring hangs", 9*time.Minute + 30*time.Second, 10*time.Minute + 30*time.Second, "fraud", false, 0, 2 * time.Second, "",
		"checkout gives up after 300 ms and goes on without a score"},
	{"poisoned messages", 11 * time.Minute, 11*time.Minute + 30*time.Second, "email", false, 0.8, 0, "process " + orderTopic,
		"email fails to process orders; nobody upstream notices"},
}

// active returns the faults that are on at a time since the start.
func active(since time.Duration) (on []fault) {
	at := since % cycle
	for _, f := range faults {
		if f.from <= at && at < f.to {
			on = append(on, f)
		}
	}
	return on
}
