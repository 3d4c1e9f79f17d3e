package demo

import "time"

// The shop, declared: services, and for each operation the steps it takes. Everything the simulation does
// and everything the documentation and the tests know of it is read from here.

const (
	environment = "demo"
	namespace   = "shop"
)

// service is one process of the shop.
type service struct {
	name, version, language, tier string
	legacy                        bool // instrumented with the attribute names of 2022
}

var services = []service{
	{"web", "5.2.0", "nodejs", "critical", false},
	{"gateway", "2.8.1", "go", "critical", false},
	{"auth", "1.4.2", "go", "critical", false},
	{"users", "3.0.7", "java", "high", true},
	{"catalog", "4.1.0", "go", "high", false},
	{"search", "2.2.5", "java", "medium", false},
	{"recommendation", "0.9.3", "python", "low", false},
	{"cart", "1.12.0", "dotnet", "high", false},
	{"checkout", "6.3.1", "go", "critical", false},
	{"payment", "2.0.4", "java", "critical", false},
	{"fraud", "1.1.0", "python", "medium", false},
	{"inventory", "3.3.2", "go", "high", true},
	{"shipping", "0.7.0", "rust", "medium", false},
	{"orders", "2.5.6", "go", "high", false},
	{"email", "1.0.9", "ruby", "low", false},
	{"notification", "1.3.0", "nodejs", "low", false},
	{"analytics", "0.4.1", "python", "low", false},
}

// protocol is how a step reaches what it calls.
type protocol string

const (
	overHTTP protocol = "http"
	overGRPC protocol = "grpc"
)

// operation is what a service does when it is called. Its name is the route of an HTTP operation, with the
// method, or the full method of a gRPC one.
type operation struct {
	service string
	name    string
	own     time.Duration // median time spent on its own
	steps   []step
}

// step is one thing an operation does: exactly one of call, store, publish and external is set.
type step struct {
	call     string   // operation of another service, as service + " " + name
	over     protocol // for call
	store    *store
	publish  string // topic
	external *external

	share    float64       // of the requests that take the step; 0: all
	alone    bool          // in parallel with the step before
	times    int           // how often, one after another; 0: once
	soft     bool          // a failure does not fail the operation
	attempts int           // tries before it has failed; 0: one
	timeout  time.Duration // after which the caller gives up; 0: never
	instead  *step         // taken when the step failed
}

// store is a statement sent to a database or cache.
type store struct {
	system, host, namespace string
	port                    int
	statement, collection   string
	time                    time.Duration // median
}

// external is a request to somebody else's service.
type external struct {
	host   string
	method string
	path   string
	model  string        // of a generative model
	time   time.Duration // median
}

const ms = time.Millisecond

var (
	catalogDB = func(statement string) *store {
		return &store{"postgresql", "catalog-db", "catalog", 5432, statement, "products", 3 * ms}
	}
	ordersDB = func(statement string) *store {
		return &store{"postgresql", "orders-db", "orders", 5432, statement, "orders", 4 * ms}
	}
	usersDB     = &store{"postgresql", "users-db", "users", 5432, "SELECT", "accounts", 3 * ms}
	inventoryDB = func(statement string) *store {
		return &store{"mysql", "stock-db", "stock", 3306, statement, "stock", 5 * ms}
	}
	fraudDB     = &store{"mongodb", "fraud-db", "risk", 27017, "find", "profiles", 6 * ms}
	searchIndex = &store{"elasticsearch", "search-index", "", 9200, "search", "products", 14 * ms}
	eventsDB    = &store{"clickhouse", "events-db", "events", 9000, "INSERT", "order_events", 8 * ms}
	cartCache   = func(statement string) *store {
		return &store{"redis", "cart-cache", "0", 6379, statement, "", ms / 2}
	}
	sessions = &store{"redis", "sessions", "0", 6379, "GET", "", ms / 2}
	features = &store{"redis", "features", "2", 6379, "MGET", "", ms}
)

// orderTopic is where checkouts are announced; taskTopic where mails are asked for.
const (
	orderTopic = "orders.placed"
	taskTopic  = "mail.tasks"
)

// operations by service + " " + name.
var operations = map[string]*operation{}

func declare(svc, name string, own time.Duration, steps ...step) {
	operations[svc+" "+name] = &operation{svc, name, own, steps}
}

func http(op string) step { return step{call: op, over: overHTTP} }
func grpc(op string) step { return step{call: op, over: overGRPC} }

func init() {
	declare("web", "GET /", 3*ms,
		http("gateway GET /api/products"),
		with(http("gateway GET /api/recommendations"), func(s *step) { s.alone, s.soft = true, true }),
	)
	declare("web", "GET /product/{id}", 2*ms, http("gateway GET /api/products/{id}"))
	declare("web", "GET /search", 2*ms, http("gateway GET /api/search"))
	declare("web", "POST /cart", 2*ms, http("gateway POST /api/cart"))
	declare("web", "POST /checkout", 4*ms, http("gateway POST /api/checkout"))

	session := with(grpc("auth shop.Auth/Verify"), func(s *step) { s.timeout = 500 * ms })
	declare("gateway", "GET /api/products", ms, grpc("catalog shop.Catalog/List"))
	declare("gateway", "GET /api/products/{id}", ms,
		grpc("catalog shop.Catalog/Get"), with(grpc("inventory shop.Inventory/Stock"), func(s *step) { s.alone, s.soft = true, true }))
	declare("gateway", "GET /api/search", ms, http("search GET /search"))
	declare("gateway", "GET /api/recommendations", ms,
		with(http("recommendation GET /recommend"), func(s *step) {
			s.timeout = 400 * ms
			s.instead = &step{call: "catalog shop.Catalog/List", over: overGRPC}
		}))
	declare("gateway", "POST /api/cart", ms, session, http("cart POST /cart/items"))
	declare("gateway", "POST /api/checkout", 2*ms, session, grpc("checkout shop.Checkout/Place"))

	declare("auth", "shop.Auth/Verify", ms, step{store: sessions}, with(grpc("users shop.Users/Get"), func(s *step) { s.share = 0.1 }))
	declare("users", "shop.Users/Get", ms, step{store: usersDB})
	declare("catalog", "shop.Catalog/List", 2*ms, step{store: catalogDB("SELECT")})
	declare("catalog", "shop.Catalog/Get", ms, step{store: catalogDB("SELECT")})
	declare("search", "GET /search", 4*ms, step{store: searchIndex}, with(grpc("catalog shop.Catalog/Get"), func(s *step) { s.times = 3 }))
	declare("recommendation", "GET /recommend", 6*ms, step{store: features},
		step{external: &external{host: "llm.example", method: "POST", path: "/v1/embeddings", model: "small-embedding", time: 60 * ms}, share: 0.2, soft: true, timeout: 250 * ms})
	declare("cart", "POST /cart/items", 2*ms, grpc("catalog shop.Catalog/Get"),
		step{store: cartCache("HSET"), instead: &step{store: ordersDB("UPDATE")}})
	declare("cart", "GET /cart", ms, step{store: cartCache("HGETALL"), instead: &step{store: ordersDB("SELECT")}})

	declare("checkout", "shop.Checkout/Place", 5*ms,
		http("cart GET /cart"),
		with(grpc("inventory shop.Inventory/Reserve"), func(s *step) { s.attempts = 2 }),
		with(grpc("fraud shop.Fraud/Score"), func(s *step) { s.timeout, s.soft = 300*ms, true }),
		with(http("shipping POST /quote"), func(s *step) { s.alone = true }),
		with(http("payment POST /charge"), func(s *step) { s.timeout = 2 * time.Second }),
		grpc("orders shop.Orders/Create"))
	declare("payment", "POST /charge", 8*ms,
		step{external: &external{host: "api.pay.example", method: "POST", path: "/v2/charges", time: 90 * ms}, attempts: 3, timeout: time.Second})
	declare("fraud", "shop.Fraud/Score", 12*ms, step{store: fraudDB})
	declare("inventory", "shop.Inventory/Stock", ms, step{store: inventoryDB("SELECT")})
	declare("inventory", "shop.Inventory/Reserve", 2*ms, step{store: inventoryDB("SELECT")}, step{store: inventoryDB("UPDATE")})
	declare("shipping", "POST /quote", 3*ms,
		step{external: &external{host: "rates.parcel.example", method: "GET", path: "/rates", time: 45 * ms}, share: 0.6, soft: true, timeout: 400 * ms})
	declare("orders", "shop.Orders/Create", 3*ms, step{store: ordersDB("INSERT")}, step{publish: orderTopic})

	// What consumers of a topic do with a message.
	declare("email", "process "+orderTopic, 5*ms, with(step{publish: taskTopic}, func(s *step) { s.share = 0.5 }),
		step{external: &external{host: "smtp.mail.example", method: "POST", path: "/send", time: 120 * ms}, attempts: 2})
	declare("analytics", "process "+orderTopic, 2*ms, step{store: eventsDB})
	declare("notification", "process "+taskTopic, 3*ms,
		step{external: &external{host: "push.example", method: "POST", path: "/v1/push", time: 35 * ms}, soft: true})

	// Background work that no request starts.
	declare("inventory", "restock", 15*ms, step{store: inventoryDB("SELECT")}, step{store: inventoryDB("UPDATE"), times: 2})
}

func with(s step, change func(*step)) step {
	change(&s)
	return s
}

// entry is how often users ask for an operation.
type entry struct {
	operation string
	share     float64
}

var entries = []entry{
	{"web GET /", 0.30}, {"web GET /product/{id}", 0.33}, {"web GET /search", 0.17}, {"web POST /cart", 0.13}, {"web POST /checkout", 0.07},
}

// subscription is a consumer of a topic. Consumers of mail tasks continue the producer's trace; the others
// start their own and link to it, as batch consumers do.
type subscription struct {
	topic, operation, group string
	linked                  bool
}

var subscriptions = []subscription{
	{orderTopic, "email process " + orderTopic, "email", true},
	{orderTopic, "analytics process " + orderTopic, "analytics", true},
	{taskTopic, "notification process " + taskTopic, "notification", false},
}

const backgroundOperation = "inventory restock"
