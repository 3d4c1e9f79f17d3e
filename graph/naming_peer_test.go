package graph

import (
	"fmt"
	"strings"
	"testing"
)

// describe is a Span after naming in one line: operation | protocol | peer.
func describe(s *Span) string {
	peer := "none"
	if p := s.Peer; p.Type != "" {
		peer = fmt.Sprintf("%s %q", p.Type, p.Name)
		for _, part := range []struct{ label, value string }{
			{"system", p.System}, {"namespace", p.Namespace}, {"environment", p.Environment}, {"at", p.Address},
		} {
			if part.value != "" {
				peer += " " + part.label + "=" + part.value
			}
		}
		if p.IP {
			peer += " ip"
		}
	}
	if s.Peer.Own {
		peer += " own"
	}
	return s.Operation + " | " + s.Protocol + " | " + peer
}

func TestPeer(t *testing.T) {
	tests := map[string]struct {
		kind       Kind
		name       string
		attributes string
		want       string
	}{
		// HTTP
		"HTTP, current": {KindClient, "GET", `http.request.method=GET
			url.full=https://api.stripe.com/v1/charges/12345
			server.address=api.stripe.com
			server.port=443
			http.response.status_code=200`,
			`GET /v1/charges/{} | http | external "api.stripe.com" environment=prod at=api.stripe.com:443`},
		"HTTP, legacy": {KindClient, "HTTP GET", `http.method=GET
			http.url=https://api.stripe.com/v1/charges
			net.peer.name=api.stripe.com
			http.status_code=200`,
			`GET /v1/charges | http | external "api.stripe.com" environment=prod at=api.stripe.com`},
		"HTTP, only a URL": {KindClient, "HTTP GET", "http.url=http://user:secret@Inventory.Shop:8080/items?x=a@b",
			`GET /items | http | external "inventory.shop:8080" environment=prod at=inventory.shop:8080`},
		"HTTP, host header": {KindClient, "GET", "http.method=GET\nhttp.host=inventory:8080",
			`GET | http | external "inventory:8080" environment=prod at=inventory:8080`},
		"HTTP, name before resolved address": {KindClient, "GET", `http.method=GET
			network.peer.address=10.0.3.7
			network.peer.port=8080
			server.address=inventory
			server.port=8080`,
			`GET | http | external "inventory:8080" environment=prod at=inventory:8080`},
		"HTTP, address only": {KindClient, "GET", "http.method=GET\nnet.sock.peer.addr=10.0.3.7\nnet.sock.peer.port=8080",
			`GET | http | external "10.0.3.7:8080" environment=prod at=10.0.3.7:8080 ip`},
		"HTTP, IPv6": {KindClient, "GET", "http.method=GET\nserver.address=2001:db8::1\nserver.port=8080",
			`GET | http | external "[2001:db8::1]:8080" environment=prod at=[2001:db8::1]:8080 ip`},
		"HTTP, IPv6 in a URL": {KindClient, "GET", "http.method=GET\nurl.full=http://[2001:db8::1]:8080/x",
			`GET /x | http | external "[2001:db8::1]:8080" environment=prod at=[2001:db8::1]:8080 ip`},
		"HTTP, named peer": {KindClient, "GET /stock", `http.request.method=GET
			peer.service=inventory
			server.address=10.0.3.7
			server.port=80`,
			`GET /stock | http | external "inventory" environment=prod at=10.0.3.7:80`},
		"HTTP, named peer with namespace": {KindClient, "GET /stock", "http.request.method=GET\nservice.peer.name=inventory\nservice.peer.namespace=shop\npeer.service=old",
			`GET /stock | http | external "inventory" namespace=shop environment=prod`},
		"HTTP, local port": {KindClient, "HTTP GET", `http.request.method=GET
			url.full=http://127.0.0.1:39483/route?dropoff=115%2C277
			server.address=127.0.0.1
			server.port=39483`,
			`GET /route | http | external "127.0.0.1:39483" environment=prod at=127.0.0.1:39483 ip`},
		"HTTP, local without a port": {KindClient, "GET", "http.method=GET\nserver.address=localhost",
			`GET | http | external "unresolved:http (checkout)" system=unresolved namespace=shop environment=prod at=localhost`},
		"HTTP, local web port": {KindClient, "GET", "http.method=GET\nserver.address=127.0.0.1\nserver.port=80",
			`GET | http | external "127.0.0.1:80" environment=prod at=127.0.0.1:80 ip`},
		"HTTP, nothing": {KindClient, "GET", "http.method=GET",
			`GET | http | external "unresolved:http (checkout)" system=unresolved namespace=shop environment=prod`},
		"nothing at all": {KindClient, "call", "",
			`call |  | external "unresolved:unknown (checkout)" system=unresolved namespace=shop environment=prod`},
		"the service itself": {KindClient, "q", "peer.service=checkout",
			`q |  | external "checkout" environment=prod own`},
		"a service of the same name elsewhere": {KindClient, "q", "service.peer.name=checkout\nservice.peer.namespace=bank",
			`q |  | external "checkout" namespace=bank environment=prod`},
		"server": {KindServer, "GET /checkout", "http.request.method=GET\nserver.address=checkout\nclient.address=10.0.0.1\npeer.service=web",
			`GET /checkout | http | none`},
		"Envoy": {KindClient, "reviews.default.svc.cluster.local:9080/*", `component=proxy
			http.method=GET
			http.url=http://reviews:9080/reviews/0
			http.status_code=200
			upstream_cluster=outbound|9080||reviews.default.svc.cluster.local
			node_id=sidecar~10.244.0.9~productpage-v1
			peer.address=10.244.0.12
			istio.canonical_service=productpage`,
			`reviews.default.svc.cluster.local:9080/* | http | external "reviews:9080" environment=prod at=reviews:9080`},

		// RPC
		"gRPC, current": {KindClient, "hipstershop.CartService/GetCart", `rpc.system.name=grpc
			rpc.method=hipstershop.CartService/GetCart
			server.address=cartservice
			server.port=7070
			rpc.response.status_code=OK`,
			`hipstershop.CartService/GetCart | grpc | external "cartservice:7070" environment=prod at=cartservice:7070`},
		"gRPC, legacy": {KindClient, "hipstershop.CartService/GetCart", `rpc.system=grpc
			rpc.service=hipstershop.CartService
			rpc.method=GetCart
			net.peer.name=cartservice
			net.peer.port=7070
			rpc.grpc.status_code=0`,
			`hipstershop.CartService/GetCart | grpc | external "cartservice:7070" environment=prod at=cartservice:7070`},
		"gRPC, no address": {KindClient, "driver.DriverService/FindNearest", "rpc.system.name=grpc\nrpc.method=driver.DriverService/FindNearest\nrpc.response.status_code=UNAVAILABLE",
			`driver.DriverService/FindNearest | grpc | external "driver.DriverService" environment=prod`},
		"Dubbo": {KindClient, "org.shop.Stock/find", "rpc.system=apache_dubbo\nrpc.service=org.shop.Stock\nrpc.method=find\nnet.peer.name=stock\nnet.peer.port=20880",
			`org.shop.Stock/find | apache_dubbo | external "stock:20880" environment=prod at=stock:20880`},

		// databases
		"PostgreSQL, current": {KindClient, "SELECT orders", `db.system.name=postgresql
			db.namespace=orders
			db.collection.name=orders
			server.address=pg`,
			`SELECT orders | postgresql | database "orders @ pg:5432" system=postgresql environment=prod at=pg:5432`},
		"PostgreSQL, legacy": {KindClient, "SELECT orders", `db.system=postgresql
			db.name=orders
			db.statement=SELECT secret FROM orders
			net.peer.name=pg
			net.peer.port=5432`,
			`SELECT orders | postgresql | database "orders @ pg:5432" system=postgresql environment=prod at=pg:5432`},
		"PostgreSQL, no namespace": {KindClient, "SELECT", "db.system=postgresql\nserver.address=PG.\nserver.port=6432",
			`SELECT | postgresql | database "postgresql @ pg:6432" system=postgresql environment=prod at=pg:6432`},
		"PostgreSQL, no address": {KindClient, "SELECT", "db.system=postgresql\ndb.name=orders",
			`SELECT | postgresql | database "orders @ postgresql" system=postgresql environment=prod`},
		"database known by a name": {KindClient, "SELECT", "db.system=postgresql\ndb.name=orders\npeer.service=orders-db",
			`SELECT | postgresql | database "orders @ orders-db" system=postgresql environment=prod`},
		"MySQL": {KindClient, "SELECT shop", "db.system=mysql\ndb.name=shop\nnet.peer.name=mysql.shop.svc\nnet.peer.port=3306",
			`SELECT shop | mysql | database "shop @ mysql.shop.svc:3306" system=mysql environment=prod at=mysql.shop.svc:3306`},
		"a store that is its own service": {KindClient, "SQL SELECT", "db.system.name=mysql\nservice.peer.name=checkout",
			`SQL SELECT | mysql | database "mysql @ checkout" system=mysql environment=prod own`},
		"SQL Server": {KindClient, "SELECT", "db.system=mssql\ndb.name=crm\nserver.address=sql1",
			`SELECT | microsoft.sql_server | database "crm @ sql1:1433" system=microsoft.sql_server environment=prod at=sql1:1433`},
		"Oracle": {KindClient, "SELECT", "db.system=oracle\ndb.namespace=ORCL\nserver.address=ora",
			`SELECT | oracle.db | database "ORCL @ ora:1521" system=oracle.db environment=prod at=ora:1521`},
		"MongoDB": {KindClient, "find users.profiles", "db.system=mongodb\ndb.name=users\ndb.mongodb.collection=profiles\ndb.operation=find\nnet.peer.name=mongo",
			`find users.profiles | mongodb | database "users @ mongo:27017" system=mongodb environment=prod at=mongo:27017`},
		"Elasticsearch": {KindClient, "search products", "db.system=elasticsearch\ndb.operation=search\nhttp.request.method=POST\nurl.full=https://es.example:9243/products/_search\nserver.address=es.example\nserver.port=9243",
			`search products | elasticsearch | database "elasticsearch @ es.example:9243" system=elasticsearch environment=prod at=es.example:9243`},
		"DynamoDB, current": {KindClient, "DynamoDB.GetItem", `db.system.name=aws.dynamodb
			rpc.system=aws-api
			rpc.service=DynamoDB
			rpc.method=GetItem
			aws.dynamodb.table_names=orders
			server.address=dynamodb.eu-west-1.amazonaws.com
			server.port=443`,
			`DynamoDB.GetItem | aws.dynamodb | database "orders @ dynamodb.eu-west-1.amazonaws.com" system=aws.dynamodb environment=prod at=dynamodb.eu-west-1.amazonaws.com:443`},
		"DynamoDB, legacy": {KindClient, "DynamoDB.GetItem", "db.system=dynamodb\naws.dynamodb.table_names=orders",
			`DynamoDB.GetItem | aws.dynamodb | database "orders @ aws.dynamodb" system=aws.dynamodb environment=prod`},
		"Redis": {KindClient, "GET", "db.system=redis\ndb.redis.database_index=0\nserver.address=redis-cart\nserver.port=6379",
			`GET | redis | cache "redis @ redis-cart:6379" system=redis environment=prod at=redis-cart:6379`},
		"Redis, another index": {KindClient, "GET", "db.system.name=redis\ndb.namespace=3\nserver.address=redis-cart",
			`GET | redis | cache "redis/3 @ redis-cart:6379" system=redis environment=prod at=redis-cart:6379`},
		"Redis, no address": {KindClient, "GetDriver", "db.system.name=redis\ndb.operation.name=GET",
			`GetDriver | redis | cache "redis" system=redis namespace=shop environment=prod`},
		"Memcached": {KindClient, "get", "db.system=memcached\nnet.peer.name=mc",
			`get | memcached | cache "memcached @ mc:11211" system=memcached environment=prod at=mc:11211`},
		"embedded database":              {KindInternal, "SELECT", "db.system=sqlite\ndb.name=app.db", `SELECT | sqlite | none`},
		"embedded database, kind CLIENT": {KindClient, "SELECT", "db.system=sqlite\ndb.name=app.db", `SELECT | sqlite | none`},
		"database, no kind":              {KindUnspecified, "SELECT", "db.system=postgresql\nserver.address=pg", `SELECT | postgresql | none`},

		// queues
		"Kafka, send": {KindProducer, "send orders", "messaging.system=kafka\nmessaging.destination.name=orders\nmessaging.operation.type=send\nserver.address=kafka-0\nserver.port=9092",
			`send orders | kafka | queue "orders" system=kafka environment=prod at=kafka-0:9092`},
		"Kafka, send, legacy": {KindProducer, "orders send", "messaging.system=kafka\nmessaging.destination=orders\nmessaging.operation=publish\nmessaging.destination_kind=topic",
			`orders send | kafka | queue "orders" system=kafka environment=prod`},
		"Kafka, process": {KindConsumer, "process orders", "messaging.system=kafka\nmessaging.destination.name=orders\nmessaging.operation.type=process\nmessaging.consumer.group.name=billing",
			`process orders | kafka | queue "orders" system=kafka environment=prod`},
		"Kafka, receive as CLIENT": {KindClient, "poll orders", "messaging.system=kafka\nmessaging.destination.name=orders\nmessaging.operation.type=receive",
			`poll orders | kafka | queue "orders" system=kafka environment=prod`},
		"template before name": {KindProducer, "send", "messaging.system=mqtt\nmessaging.destination.name=/devices/17/temp\nmessaging.destination.template=/devices/{id}/temp",
			`send | mqtt | queue "/devices/{id}/temp" system=mqtt environment=prod`},
		"RabbitMQ, producer": {KindProducer, "send", "messaging.system=rabbitmq\nmessaging.destination.name=orders:created",
			`send | rabbitmq | queue "orders:created" system=rabbitmq environment=prod`},
		"RabbitMQ, consumer of the same": {KindConsumer, "process", "messaging.system=rabbitmq\nmessaging.destination.name=orders:created:billing",
			`process | rabbitmq | queue "orders:created" system=rabbitmq environment=prod`},
		"RabbitMQ, anonymous queue": {KindConsumer, "process", "messaging.system=rabbitmq\nmessaging.destination.name=amq.gen-JzTY20BRgKO-HjmUJj0wLg",
			`process | rabbitmq | queue "(temporary)" system=rabbitmq environment=prod`},
		"anonymous": {KindConsumer, "process", "messaging.system=jms\nmessaging.destination.name=ID:host-1\nmessaging.destination.anonymous=true",
			`process | jms | queue "(temporary)" system=jms environment=prod`},
		"temporary": {KindProducer, "send", "messaging.system=jms\nmessaging.destination.name=reply-1\nmessaging.destination.temporary=true",
			`send | jms | queue "(temporary)" system=jms environment=prod`},
		"SQS": {KindProducer, "orders send", "messaging.system=AmazonSQS\naws.sqs.queue.url=https://sqs.eu-west-1.amazonaws.com/123456789012/orders\nrpc.system=aws-api\nrpc.service=Sqs",
			`orders send | aws_sqs | queue "orders" system=aws_sqs environment=prod at=sqs.eu-west-1.amazonaws.com:443`},
		"SQS, by the API alone": {KindClient, "Sqs.SendMessage", "rpc.system=aws-api\nrpc.service=Sqs\nrpc.method=SendMessage\naws.sqs.queue.url=https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
			`Sqs.SendMessage | aws-api | queue "orders" system=aws_sqs environment=prod at=sqs.eu-west-1.amazonaws.com:443`},
		"SNS": {KindClient, "Sns.Publish", "rpc.system=aws-api\nrpc.service=Sns\naws.sns.topic.arn=arn:aws:sns:us-east-1:123456789012:alerts",
			`Sns.Publish | aws-api | queue "alerts" system=aws.sns environment=prod`},
		"broker without a destination": {KindClient, "commit", "messaging.system=kafka\nserver.address=kafka-0\nserver.port=9092",
			`commit | kafka | queue "kafka @ kafka-0:9092" system=kafka environment=prod at=kafka-0:9092`},
		"broker, nothing else": {KindConsumer, "process", "messaging.system=kafka",
			`process | kafka | queue "kafka" system=kafka namespace=shop environment=prod`},
		"broker known by a name only": {KindConsumer, "on-message", "peer.service=kafka\nkafka.topic=people",
			`on-message |  | queue "kafka" environment=prod`},
		"consumer of something": {KindConsumer, "on-message", "server.address=10.0.0.1",
			`on-message |  | none`},
		"producer to something": {KindProducer, "emit", "",
			`emit |  | external "unresolved:unknown (checkout)" system=unresolved namespace=shop environment=prod`},

		// functions, cloud APIs, models
		"Lambda by ARN": {KindClient, "Lambda.Invoke", "rpc.system=aws-api\nrpc.service=Lambda\nrpc.method=Invoke\naws.lambda.invoked_arn=arn:aws:lambda:us-east-1:123456789012:function:resize:live",
			`Lambda.Invoke | aws-api | function "resize" system=aws namespace=us-east-1 environment=prod`},
		"function by name": {KindClient, "resize", "faas.invoked_name=resize\nfaas.invoked_provider=gcp\nfaas.invoked_region=europe-west1",
			`resize |  | function "resize" system=gcp namespace=europe-west1 environment=prod`},
		"S3": {KindClient, "S3.PutObject", "rpc.system=aws-api\nrpc.service=S3\nrpc.method=PutObject\naws.s3.bucket=images",
			`S3.PutObject | aws-api | external "s3 images" system=aws.s3 environment=prod`},
		"Kinesis": {KindClient, "Kinesis.PutRecord", "rpc.system=aws-api\nrpc.service=Kinesis\naws.kinesis.stream_name=clicks",
			`Kinesis.PutRecord | aws-api | queue "clicks" system=aws.kinesis environment=prod`},
		"another AWS API": {KindClient, "SecretsManager.GetSecretValue", "rpc.system=aws-api\nrpc.method=SecretsManager/GetSecretValue",
			`SecretsManager.GetSecretValue | aws-api | external "aws SecretsManager" system=aws-api environment=prod`},
		"language model": {KindClient, "chat gpt-4o", "gen_ai.provider.name=openai\ngen_ai.request.model=gpt-4o\ngen_ai.operation.name=chat\nserver.address=api.openai.com\nserver.port=443",
			`chat gpt-4o |  | external "openai gpt-4o" system=openai environment=prod at=api.openai.com:443`},
		"language model, legacy": {KindClient, "chat", "gen_ai.system=anthropic",
			`chat |  | external "anthropic" system=anthropic environment=prod`},
		"agent inside the service": {KindInternal, "invoke_agent", "gen_ai.provider.name=openai", `invoke_agent |  | none`},
	}
	service := Service{Node: Node{Type: TypeService, Name: "checkout", Namespace: "shop", Environment: "prod"}}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var a Attributes
			fill(t, &a, tt.attributes)
			s := Span{Shape: &Shape{Kind: tt.kind, Service: &service}}
			s.Describe(tt.name, &a)
			if got := describe(&s); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestNoNodeForIgnorance is lesson L1: services whose callees are unknown must not meet at one node.
func TestNoNodeForIgnorance(t *testing.T) {
	seen := map[NodeID]string{}
	for _, caller := range []string{"a", "b", "c"} {
		for _, method := range []string{"http.method=GET", "rpc.system=grpc"} {
			var a Attributes
			fill(t, &a, method)
			s := Span{Shape: &Shape{Kind: KindClient, Service: &Service{Node: Node{Type: TypeService, Name: caller}}}}
			s.Describe("call", &a)
			if other, ok := seen[s.Peer.ID()]; ok {
				t.Errorf("%s shares the node %q with %s", caller, s.Peer.Name, other)
			}
			seen[s.Peer.ID()] = caller
		}
	}
}

// TestOneNodePerStore is lesson L2: who calls a store, and with which tracer, is no part of its identity.
func TestOneNodePerStore(t *testing.T) {
	tests := map[string]struct {
		a, b string
		same bool
	}{
		"old and new names":         {"db.system=mysql\ndb.name=shop\nnet.peer.name=DB", "db.system.name=mysql\ndb.namespace=shop\nserver.address=db\nserver.port=3306", true},
		"with the resolved address": {"db.system=redis\nserver.address=cart", "db.system=redis\nserver.address=cart\nnetwork.peer.address=10.0.0.9", true},
		"equal names on two hosts":  {"db.system=mysql\ndb.name=shop\nserver.address=db1", "db.system=mysql\ndb.name=shop\nserver.address=db2", false},
		"two databases on a host":   {"db.system=mysql\ndb.name=shop\nserver.address=db", "db.system=mysql\ndb.name=crm\nserver.address=db", false},
		"HTTPS with and without":    {"http.method=GET\nserver.address=api.x\nserver.port=443", "http.method=GET\nserver.address=api.x", true},
		"topic on two brokers":      {"messaging.system=kafka\nmessaging.destination.name=t\nserver.address=k0", "messaging.system=kafka\nmessaging.destination.name=t\nserver.address=k1", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var ids []NodeID
			for i, attributes := range []string{tt.a, tt.b} {
				var a Attributes
				fill(t, &a, attributes)
				s := Span{Shape: &Shape{Kind: KindClient, Service: &Service{Node: Node{Type: TypeService, Name: string(rune('a' + i))}}}}
				s.Describe("call", &a)
				ids = append(ids, s.Peer.ID())
			}
			if (ids[0] == ids[1]) != tt.same {
				t.Errorf("same node: %v, want %v", ids[0] == ids[1], tt.same)
			}
		})
	}
}

func FuzzPeer(f *testing.F) {
	f.Add(uint8(KindClient), "http.url=https://u:p@[::1]:80/x\nserver.port=70000")
	f.Add(uint8(KindProducer), "messaging.system=rabbitmq\nmessaging.destination.name=::")
	f.Add(uint8(KindClient), "aws.lambda.invoked_arn=arn:a:b:c:d:function:")
	f.Add(uint8(KindClient), "db.system=redis\ndb.namespace=00\naws.sqs.queue.url=/")
	f.Fuzz(func(t *testing.T, kind uint8, lines string) {
		var a Attributes
		fill(t, &a, strings.ToValidUTF8(lines, "?"))
		s := Span{Shape: &Shape{Kind: Kind(kind), Service: &Service{Node: Node{Type: TypeService, Name: "checkout"}}}}
		s.Describe("call", &a)
		if p := s.Peer; p.Type != "" && (p.Name == "" || p.Name != cleanName(p.Name)) {
			t.Errorf("the name %q of a %s is not fit to be shown", p.Name, p.Type)
		}
	})
}
