package graph

import (
	"strings"
	"testing"
)

// outcomeNames are the bits of an Outcome from the lowest.
var outcomeNames = []string{
	"failed", "throttled", "client_error", "timed_out", "cancelled", "resent", "local_parent", "sampling_known", "receive", "synthetic", "permanent",
}

func (o Outcome) words() string {
	var words []string
	for i, name := range outcomeNames {
		if o&(1<<i) != 0 {
			words = append(words, name)
		}
	}
	return strings.Join(words, " ")
}

func TestOutcome(t *testing.T) {
	const ok, failed = false, true
	tests := map[string]struct {
		kind       Kind
		err        bool // status ERROR
		message    string
		attributes string
		want       string
	}{
		"fine":                      {KindClient, ok, "", "http.response.status_code=200", ""},
		"fine, legacy":              {KindClient, ok, "", "http.status_code=200", ""},
		"error without a reason":    {KindInternal, failed, "", "", "failed"},
		"error in spite of 200":     {KindClient, failed, "bad JSON", "http.response.status_code=200", "failed"},
		"404 at the client":         {KindClient, failed, "", "http.response.status_code=404\nerror.type=404", "client_error permanent"},
		"404 at the server":         {KindServer, ok, "", "http.response.status_code=404", "client_error permanent"},
		"400 with an exception":     {KindClient, failed, "", "http.status_code=400\nexception.type=HttpClientErrorException$BadRequest", "client_error permanent"},
		"404, yet gRPC unavailable": {KindClient, failed, "", "http.status_code=404\nrpc.grpc.status_code=14", "failed client_error"},
		"429":                       {KindClient, failed, "", "http.response.status_code=429", "throttled"},
		"500":                       {KindServer, failed, "", "http.response.status_code=500", "failed"},
		"500 with status unset":     {KindServer, ok, "", "http.response.status_code=500", "failed"},
		"408":                       {KindClient, failed, "", "http.response.status_code=408", "client_error timed_out"},
		"504":                       {KindClient, failed, "", "http.response.status_code=504", "failed timed_out"},
		"401, which may pass":       {KindClient, failed, "", "http.response.status_code=401", "client_error"},
		"409, which may pass":       {KindClient, failed, "", "http.response.status_code=409", "client_error"},
		"501":                       {KindServer, failed, "", "http.response.status_code=501", "failed permanent"},
		"499":                       {KindServer, failed, "", "http.response.status_code=499", "cancelled"},

		"gRPC OK by name":             {KindClient, ok, "", "rpc.system.name=grpc\nrpc.response.status_code=OK", ""},
		"gRPC OK by number":           {KindClient, ok, "", "rpc.system=grpc\nrpc.grpc.status_code=0", ""},
		"gRPC cancelled":              {KindClient, failed, "context canceled", "rpc.grpc.status_code=1", "cancelled"},
		"gRPC unknown":                {KindServer, ok, "", "rpc.grpc.status_code=2", "failed"},
		"gRPC invalid argument":       {KindClient, failed, "", "rpc.grpc.status_code=3", "client_error permanent"},
		"gRPC deadline exceeded":      {KindClient, failed, "", "rpc.system.name=grpc\nrpc.response.status_code=DEADLINE_EXCEEDED", "failed timed_out"},
		"gRPC not found":              {KindClient, failed, "", "rpc.system.name=grpc\nrpc.status_code=NOT_FOUND", "client_error permanent"},
		"gRPC resource exhausted":     {KindClient, failed, "", "rpc.grpc.status_code=8", "throttled"},
		"gRPC unimplemented":          {KindServer, failed, "", "rpc.grpc.status_code=12", "failed permanent"},
		"gRPC internal, as text":      {KindServer, failed, "", "rpc.system=grpc\nrpc.response.status_code=13", "failed"},
		"gRPC unavailable":            {KindClient, failed, "", "rpc.system.name=grpc\nrpc.response.status_code=Unavailable", "failed"},
		"gRPC data loss":              {KindServer, ok, "", "rpc.grpc.status_code=15", "failed"},
		"gRPC unauthenticated":        {KindServer, ok, "", "rpc.grpc.status_code=16", "client_error"},
		"Connect":                     {KindClient, failed, "", "rpc.system=connect_rpc\nrpc.connect_rpc.error_code=deadline_exceeded", "failed timed_out"},
		"Connect, cancelled":          {KindClient, failed, "", "rpc.system=connect_rpc\nrpc.connect_rpc.error_code=canceled", "cancelled"},
		"a number of another system":  {KindClient, failed, "", "rpc.system=jsonrpc\nrpc.response.status_code=5", "failed"},
		"a number that is not gRPC's": {KindClient, failed, "", "rpc.grpc.status_code=77", "failed"},

		"timeout by error type":      {KindClient, failed, "", "error.type=java.net.SocketTimeoutException", "failed timed_out"},
		"timeout by code":            {KindClient, failed, "", "error.type=ETIMEDOUT", "failed timed_out"},
		"timeout by exception":       {KindClient, failed, "", "exception.type=asyncio.TimeoutError", "failed timed_out"},
		"timeout by message":         {KindClient, failed, `Get "http://a": context deadline exceeded`, "error.type=*url.Error", "failed timed_out"},
		"timeout by its words":       {KindClient, failed, "An error occurred", "exception.type=*errors.errorString\nexception.message=redis Timed Out", "failed timed_out"},
		"timeout while reading":      {KindClient, failed, "read timed out", "http.response.status_code=200", "failed timed_out"},
		"timeout of the callee's":    {KindClient, failed, "redis timeout", "rpc.system.name=grpc\nrpc.response.status_code=UNKNOWN", "failed"},
		"timeout inside the request": {KindServer, failed, "redis timeout", "exception.type=TimeoutException", "failed"},
		"words without an error":     {KindClient, ok, "timeout", "error.type=timeout", ""},
		"cancelled by message":       {KindClient, failed, `Get "http://a": context canceled`, "", "cancelled"},
		"cancelled by type":          {KindClient, failed, "", "error.type=System.Threading.Tasks.TaskCanceledException", "cancelled"},
		"cancelled by a timeout":     {KindClient, failed, "canceled due to the configured HttpClient.Timeout", "error.type=TaskCanceledException", "failed timed_out"},
		"cancelled business":         {KindInternal, failed, "order cancelled", "exception.type=com.shop.OrderCancelledException", "failed"},
		"caller of a request left":   {KindServer, failed, "context canceled", "", "cancelled"},

		"first try":         {KindClient, ok, "", "http.request.resend_count=0", ""},
		"second try":        {KindClient, ok, "", "http.request.resend_count=1", "resent"},
		"third, legacy":     {KindClient, ok, "", "http.resend_count=2", "resent"},
		"poll":              {KindConsumer, ok, "", "messaging.system=kafka\nmessaging.operation=receive", "receive"},
		"poll as CLIENT":    {KindClient, ok, "", "messaging.system=kafka\nmessaging.operation.type=receive", "receive"},
		"process":           {KindConsumer, ok, "", "messaging.system=kafka\nmessaging.operation.type=process", ""},
		"bot":               {KindServer, ok, "", "user_agent.synthetic.type=bot", "synthetic"},
		"test":              {KindServer, ok, "", "user_agent.synthetic.type=test", "synthetic"},
		"person":            {KindServer, ok, "", "user_agent.synthetic.type=human", ""},
		"503 on a test run": {KindServer, failed, "", "http.status_code=503\nuser_agent.synthetic.type=test", "failed synthetic"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var a Attributes
			fill(t, &a, tt.attributes)
			s := Span{Shape: &Shape{Kind: tt.kind, Service: &Service{}}}
			s.Describe("x", &a)
			s.Conclude(&Raw{Error: tt.err, Message: tt.message}, &a)
			if got := s.Outcome.words(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLocalParent(t *testing.T) {
	tests := map[string]struct {
		flags  uint32
		parent SpanID
		want   Outcome
	}{
		"not told":         {0x001, SpanID{1}, 0},
		"local":            {0x101, SpanID{1}, LocalParent},
		"remote":           {0x301, SpanID{1}, 0},
		"remote, not told": {0x201, SpanID{1}, 0},
		"no parent":        {0x101, SpanID{}, 0},
	}
	for name, tt := range tests {
		s := Span{Parent: tt.parent, Outcome: SamplingKnown, Shape: &Shape{Kind: KindServer, Service: &Service{}}}
		s.Describe("x", &Attributes{})
		s.Conclude(&Raw{Flags: tt.flags}, &Attributes{})
		if want := tt.want | SamplingKnown; s.Outcome != want {
			t.Errorf("%s: got %q, want %q", name, s.Outcome.words(), want.words())
		}
	}
}

func BenchmarkDescribe(b *testing.B) {
	service := Service{Node: Node{Type: TypeService, Name: "checkout", Environment: "prod"}}
	for name, attributes := range map[string]string{
		"HTTPClient": "http.request.method=GET\nurl.full=http://stock:8080/items/7\nserver.address=stock\nserver.port=8080\nhttp.response.status_code=200",
		"Database":   "db.system.name=postgresql\ndb.namespace=orders\nserver.address=pg\nserver.port=5432\ndb.operation.name=SELECT",
	} {
		b.Run(name, func(b *testing.B) {
			var a Attributes
			fill(b, &a, attributes)
			var raw Raw
			b.ReportAllocs()
			for b.Loop() {
				s := Span{Shape: &Shape{Kind: KindClient, Service: &service}}
				s.Describe("GET", &a)
				s.Conclude(&raw, &a)
			}
		})
	}
}
