package audit

// Entry explains a practice to people.
type Entry struct {
	Title  string
	Means  string   // what a risk means
	Repair string   // what to do about it
	AWS    []string // practices of the AWS Well-Architected reliability pillar
}

// Catalogue explains every practice.
var Catalogue = map[Practice]Entry{
	Timeout: {
		"Calls are bounded by a timeout", "A call waited so long that whoever asked has given up meanwhile. Threads and connections pile up behind it.",
		"Set a timeout a little above the slowest answer that is still of use, below the deadline of the caller's own request.", []string{"REL05-BP05"},
	},
	Retries: {
		"Few retries", "A call that fails is tried many times over. When the callee is overloaded, that multiplies the load which it cannot take.",
		"Try two or three times in all, at one layer only, and under a budget of a tenth of the calls.", []string{"REL05-BP03"},
	},
	Backoff: {
		"Retries wait", "Retries follow at once. What made the first attempt fail has had no time to pass.",
		"Wait before each retry, longer each time: exponential backoff.", []string{"REL05-BP03"},
	},
	Jitter: {
		"Retries are spread", "All clients pause equally long, so that their retries come together again.",
		"Draw the pause at random between zero and its upper bound.", []string{"REL05-BP03"},
	},
	Degradation: {
		"Requests survive failures of the dependency", "Requests do not survive the failure of this dependency.",
		"Answer without it where that is of use: a default, a cached value, a part of the answer.", []string{"REL04-BP02", "REL05-BP01"},
	},
	Chattiness: {
		"Few calls for each request", "A request makes very many calls to the same callee, so its duration and its chance to fail grow with them.",
		"Ask for many things at once, or keep what was asked.", []string{"REL04-BP03"},
	},
}
