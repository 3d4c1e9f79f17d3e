package graph

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestServiceOf(t *testing.T) {
	tests := map[string]struct {
		attributes string
		want       string // namespace/name environment version tier
		unnamed    bool
	}{
		"all there": {
			attributes: `service.name=checkout
				service.namespace=shop
				service.version=1.4.2
				service.criticality=CRITICAL
				deployment.environment.name=prod
				deployment.environment=old
				k8s.deployment.name=checkout-v2
				k8s.namespace.name=k8s-shop`,
			want: "shop/checkout prod 1.4.2 critical",
		},
		"Kubernetes alone": {
			attributes: `k8s.container.name=app
				k8s.deployment.name=cart
				k8s.namespace.name=shop
				deployment.environment=staging`,
			want: "shop/cart staging  ",
		},
		"a label before the deployment": {
			attributes: "k8s.deployment.name=cart-7\napp.kubernetes.io/name=cart",
			want:       "/cart   ",
		},
		"the label of the collector": {
			attributes: "k8s.pod.labels.app.kubernetes.io/name=cart",
			want:       "/cart   ",
		},
		"the instance label before the name label": {
			attributes: "app.kubernetes.io/name=redis\napp.kubernetes.io/instance=sessions",
			want:       "/sessions   ",
		},
		"stateful set":                    {attributes: "k8s.statefulset.name=db", want: "/db   "},
		"daemon set":                      {attributes: "k8s.daemonset.name=agent", want: "/agent   "},
		"cron job before its job":         {attributes: "k8s.job.name=report-2874\nk8s.cronjob.name=report", want: "/report   "},
		"function":                        {attributes: "faas.name=resize\nk8s.container.name=c", want: "/resize   "},
		"nothing":                         {attributes: "", want: "/unknown_service   ", unnamed: true},
		"the name that the SDK made up":   {attributes: "service.name=unknown_service:java", want: "/unknown_service:java   ", unnamed: true},
		"blank name":                      {attributes: "service.name= \nk8s.job.name=import", want: "/import   "},
		"control characters":              {attributes: "service.name=che\x00ck\x1bout", want: "/checkout   "},
		"nothing but control characters":  {attributes: "service.name=\x01\x02\nk8s.job.name=import", want: "/import   "},
		"a tier that is none of the four": {attributes: "service.name=a\nservice.criticality=very", want: "/a   "},
		"long name": {
			attributes: "service.name=" + strings.Repeat("é", 200),
			want:       "/" + strings.Repeat("é", 127) + "   ",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var a Attributes
			fill(t, &a, tt.attributes)
			s, named := ServiceOf(&a)
			got := fmt.Sprintf("%s/%s %s %s %s", s.Namespace, s.Name, s.Environment, s.Version, s.Tier)
			if got != tt.want || named == tt.unnamed || s.Type != TypeService {
				t.Errorf("got  %s (named %v)\nwant %s", got, named, tt.want)
			}
		})
	}
}

func TestCut(t *testing.T) {
	tests := map[string]struct {
		s    string
		n    int
		want string
	}{
		"fits":              {"abc", 3, "abc"},
		"plain":             {"abcd", 3, "abc"},
		"in a character":    {"aé", 2, "a"},
		"after a character": {"aéb", 3, "aé"},
		"four bytes":        {"ab😀", 5, "ab"},
		"no text":           {strings.Repeat("\x80", 9), 8, strings.Repeat("\x80", 8)},
		"nothing":           {"é", 1, "\xc3"},
	}
	for name, tt := range tests {
		if got := Cut(tt.s, tt.n); got != tt.want {
			t.Errorf("%s: Cut(%q, %d) = %q, want %q", name, tt.s, tt.n, got, tt.want)
		}
	}
}

func TestSamplingWeight(t *testing.T) {
	const limit = 10_000
	tests := map[string]struct {
		state string
		want  float32
		known bool
	}{
		"absent":                       {"", 1, false},
		"others only":                  {"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", 1, false},
		"all kept":                     {"ot=th:0", 1, true},
		"half":                         {"ot=th:8", 2, true},
		"a quarter":                    {"ot=th:c", 4, true},
		"one in a hundred":             {"ot=th:fd70a4", 100, true},
		"with a random value":          {"ot=rv:1234567890abcd;th:c", 4, true},
		"among others":                 {"a=b, ot=th:8 ,c=d", 2, true},
		"14 digits":                    {"ot=th:80000000000000", 2, true},
		"15 digits":                    {"ot=th:800000000000000", 1, false},
		"no digits":                    {"ot=th:", 1, false},
		"upper case":                   {"ot=th:C", 1, false},
		"no hexadecimal":               {"ot=th:xyz", 1, false},
		"a stranger's claim":           {"ot=th:ffffffffffffff", limit, true},
		"older form":                   {"ot=p:3;r:62", 8, true},
		"older form, all":              {"ot=p:0", 1, true},
		"older form, beyond the limit": {"ot=p:62", limit, true},
		"older form, none":             {"ot=p:63", 1, false},
		"older form, negative":         {"ot=p:-1", 1, false},
		"both":                         {"ot=p:3;th:8", 2, true},
		"member of another vendor":     {"xot=th:8,ot2=th:8", 1, false},
		"the first of two":             {"ot=th:8,ot=th:c", 2, true},
		"no list":                      {"ot", 1, false},
	}
	for name, tt := range tests {
		got, known := SamplingWeight(tt.state, limit)
		if known != tt.known || got < tt.want*0.9999 || got > tt.want*1.0001 {
			t.Errorf("%s: SamplingWeight(%q) = %v, %v, want %v, %v", name, tt.state, got, known, tt.want, tt.known)
		}
	}
}

func FuzzTracestate(f *testing.F) {
	for _, s := range []string{"", "ot=th:8", "ot=th:fd70a4;rv:1", "a=b,ot=p:3", "ot=th:ffffffffffffff", "ot=;;:,=,ot"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, known := SamplingWeight(s, 10_000)
		if !(w >= 1 && w <= 10_000) || !known && w != 1 {
			t.Errorf("SamplingWeight(%q) = %v, %v", s, w, known)
		}
	})
}

func TestOperation(t *testing.T) {
	tests := map[string]struct {
		name, attributes string
		want             string
	}{
		"a good name":                 {"checkout", "http.request.method=POST\nhttp.route=/checkout", "checkout"},
		"gRPC":                        {"grpc.hipstershop.CurrencyService/Convert", "rpc.system=grpc", "grpc.hipstershop.CurrencyService/Convert"},
		"SQL":                         {"SELECT ts.orders", "db.system=mysql", "SELECT ts.orders"},
		"a route":                     {"/api/v1/orders/{id}", "http.method=GET", "/api/v1/orders/{id}"},
		"a route with colons":         {"GET /users/:id", "", "GET /users/:id"},
		"method and route":            {"GET /users/{id}", "http.route=/users/{id}", "GET /users/{id}"},
		"only a method, with a route": {"GET", "http.route=/users/{id}\nurl.path=/users/7", "GET /users/{id}"},
		"only a method, with a template": {
			"GET", "url.template=/charges/{id}\nurl.full=https://api.stripe.com/charges/ch_1", "GET /charges/{id}",
		},
		"route before template":            {"GET", "http.route=/a\nurl.template=/b", "GET /a"},
		"only a method, with a path":       {"HTTP GET", "http.method=GET\nhttp.target=/users/42?x=1", "GET /users/{}"},
		"only a method, with a URL":        {"HTTP GET", "http.request.method=GET\nurl.full=http://127.0.0.1:39483/route?dropoff=1", "GET /route"},
		"only a method, with the root URL": {"GET", "url.full=https://example.com", "GET /"},
		"only a method, nothing else":      {"HTTP POST", "http.request.method=POST", "HTTP POST"},
		"only HTTP":                        {"HTTP", "http.request.method=PUT\nhttp.route=/x", "PUT /x"},
		"a raw path with a route":          {"GET /users/42", "http.route=/users/{id}", "GET /users/{id}"},
		"a raw path without a route":       {"/users/42/cart", "http.request.method=GET", "GET /users/{}/cart"},
		"a raw path without a method":      {"/users/42/cart", "", "/users/{}/cart"},
		"a URL":                            {"https://shop.example/users/42?token=s", "http.method=GET", "GET /users/{}"},
		"a query":                          {"GET /search?q=shoes", "", "GET /search"},
		"UUID":                             {"GET /o/0f8fad5b-d9cb-469f-a165-70867728950e/items", "", "GET /o/{}/items"},
		"8 hexadecimal digits":             {"GET /o/deadbeef", "", "GET /o/{}"},
		"7 hexadecimal digits":             {"GET /o/deadbee", "", "GET /o/deadbee"},
		"long hexadecimal":                 {"GET /t/4BF92F3577B34DA6A3CE929D0E0E4736", "", "GET /t/{}"},
		"e-mail":                           {"GET /u/jane.doe@example.com/x", "", "GET /u/{}/x"},
		"e-mail, escaped":                  {"GET /u/jane%40example.com", "", "GET /u/{}"},
		"a handle is no e-mail":            {"GET /@jane", "", "GET /@jane"},
		"date":                             {"GET /report/2024-05-01", "", "GET /report/{}"},
		"negative and decimal":             {"GET /at/-7.25/10", "", "GET /at/{}/{}"},
		"version":                          {"GET /v1/orders", "", "GET /v1/orders"},
		"trailing slash":                   {"GET /users/7/", "", "GET /users/{}/"},
		"double slash":                     {"GET //7//", "", "GET //{}//"},
		"root":                             {"GET /", "", "GET /"},
		"word with digits":                 {"GET /s3/bucket2", "", "GET /s3/bucket2"},
		"no path but a slash":              {"12/34", "", "12/34"},
		"no method":                        {"GETTING /users/1", "", "GETTING /users/1"},
		"control characters":               {"GET /a\x00b", "", "GET /ab"},
		"no name, RPC":                     {"", "rpc.system=grpc\nrpc.service=shop.Cart\nrpc.method=Get", "shop.Cart/Get"},
		"no name, qualified RPC":           {"", "rpc.system.name=grpc\nrpc.method=shop.Cart/Get", "shop.Cart/Get"},
		"no name, database":                {"", "db.system=mongodb\ndb.operation=find\ndb.mongodb.collection=users", "find users"},
		"no name, summary":                 {"", "db.system.name=mysql\ndb.query.summary=SELECT users", "SELECT users"},
		"no name, messaging":               {"", "messaging.system=kafka\nmessaging.operation=publish\nmessaging.destination.name=orders", "publish orders"},
		"no name, HTTP":                    {"", "http.method=GET\nhttp.target=/users/9", "GET /users/{}"},
		"no name, nothing":                 {" \x01", "", "(unnamed)"},
		"long":                             {strings.Repeat("x", 300), "", strings.Repeat("x", 255)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var a Attributes
			fill(t, &a, tt.attributes)
			if got := operationOf(tt.name, protocolOf(&a), &a); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzOperation(f *testing.F) {
	for _, s := range []string{
		"", "GET", "HTTP GET /a/1", "/a/b@c.de/0f8fad5b-d9cb-469f-a165-70867728950e", "https://u:p@h/1?x#y", "SELECT x", "GET  /;",
	} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, path string) {
		if !utf8.ValidString(name) || !utf8.ValidString(path) {
			t.Skip("the decoder gives valid text only")
		}
		var a Attributes
		a.SetText(urlPath, path)
		a.SetText(httpMethod, "GET")
		got := operationOf(name, "http", &a)
		if got == "" || len(got) > MaxName || !utf8.ValidString(got) || got != cleanName(got) {
			t.Fatalf("%q, %q: the name %q is not fit to be shown", name, path, got)
		}
		if again := operationOf(got, "http", &a); again != got && !strings.ContainsAny(path, "{}") {
			t.Errorf("%q, %q: naming %q again gives %q", name, path, got, again)
		}
	})
}
