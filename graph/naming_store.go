package graph

import "strings"

const dynamoDB = "aws.dynamodb"

// systemAliases are the current names of database and broker systems that had another one.
var systemAliases = map[string]string{
	"mssql":     "microsoft.sql_server",
	"oracle":    "oracle.db",
	"dynamodb":  dynamoDB,
	"cosmosdb":  "azure.cosmosdb",
	"db2":       "ibm.db2",
	"spanner":   "gcp.spanner",
	"redshift":  "aws.redshift",
	"hanadb":    "sap.hana",
	"h2":        "h2database",
	"firebird":  "firebirdsql",
	"amazonsqs": "aws_sqs",
}

// defaultPorts completes the address of a database: tracers are asked to leave the default port out, and
// those that do not would otherwise name another node.
var defaultPorts = map[string]int64{
	"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "redis": 6379, "valkey": 6379, "memcached": 11211,
	"mongodb": 27017, "cassandra": 9042, "microsoft.sql_server": 1433, "oracle.db": 1521, "ibm.db2": 50000,
	"cockroachdb": 26257, "neo4j": 7687,
}

// databaseSystem returns the database's system by its current name, "" if the span is not about one.
func databaseSystem(a *Attributes) string { return systemName(a.first(dbSystemName, dbSystem)) }

func systemName(s string) string {
	if s == "" {
		return ""
	}
	s = cleanName(strings.ToLower(s))
	if current, ok := systemAliases[s]; ok {
		return current
	}
	return s
}

func isCache(system string) bool {
	return system == "redis" || system == "memcached" || system == "valkey"
}

// isInProcess reports whether a system is a library that runs inside its caller unless it has an address.
func isInProcess(system string) bool {
	return system == "sqlite" || system == "h2database" || system == "hsqldb" || system == "derby"
}

// databasePeer names a database by its namespace and address, such as "orders @ pg:5432". The caller is no
// part of the name, so that callers of one database meet at one node.
func databasePeer(p *Peer, system string, caller *Service, a *Attributes) bool {
	kind := TypeDatabase
	if isCache(system) {
		kind = TypeCache
	}
	what := a.first(dbNamespace, dbName, dbRedisDatabaseIndex)
	switch {
	case system == dynamoDB:
		what = a.first(awsDynamoDBTableNames, dbCollectionName, dbSQLTable)
	case kind == TypeCache && isDigits(what):
		// A numbered part of a cache; 0 is the one that is meant when none is given.
		if what = strings.TrimLeft(what, "0"); what != "" {
			what = a.join(system, "/", what)
		}
	}
	h := hostOf(a)
	if h.port == 0 && h.name != "" {
		h.port = defaultPorts[system]
	}
	address := h.address(a)
	where := h.shown(address)
	if where == "" {
		where = a.first(servicePeerName, peerService)
	}
	switch {
	case where == "" && isInProcess(system):
		return false
	case where == "" && what == "":
		// Nothing but the system: at least not one node for every team's.
		p.Name, p.Namespace = system, caller.Namespace
	case where == "":
		p.Name = atName(a, what, system)
	case what == "":
		p.Name = atName(a, system, where)
	default:
		p.Name = atName(a, what, where)
	}
	p.Type, p.System, p.Address = kind, system, address
	return true
}

// atName puts a name together from what a node is and where it is.
func atName(a *Attributes, what, where string) string { return cleanName(a.join(what, " @ ", where)) }

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// brokerSystem returns the message broker's system, "" if the span is not about one.
func brokerSystem(a *Attributes) string { return systemName(a.Text(messagingSystem)) }

// unnamedQueue is the one node of a broker for all its anonymous and temporary destinations.
const unnamedQueue = "(temporary)"

// queuePeer names a queue or topic by its broker's system and its own name: both are the same at all its
// producers and consumers, which a broker's address need not be.
func queuePeer(p *Peer, caller *Service, a *Attributes) bool {
	if queueByURL(p, a) {
		return true
	}
	system, address, ns := brokerSystem(a), hostOf(a).address(a), ""
	name := destinationOf(system, a)
	switch {
	case name != "":
	case system != "" && address != "":
		name = atName(a, system, address)
	case system != "":
		name, ns = system, caller.Namespace
	default:
		name = cleanName(a.first(servicePeerName, peerService))
	}
	if name == "" {
		return false
	}
	p.Type, p.System, p.Name, p.Namespace, p.Address = TypeQueue, system, name, ns, address
	return true
}

func destinationOf(system string, a *Attributes) string {
	if template := cleanName(a.Text(messagingDestinationTemplate)); template != "" {
		return template
	}
	name := cleanName(a.first(messagingDestinationName, messagingDestination))
	if a.is(messagingDestinationAnonymous) || a.is(messagingDestinationTemporary) || strings.Contains(name, "amq.gen-") {
		return unnamedQueue
	}
	if system == "rabbitmq" {
		// exchange:key at the producer, exchange:key:queue at the consumer
		if parts := strings.Split(name, ":"); len(parts) == 3 && parts[0] != "" {
			return cleanName(parts[0] + ":" + parts[1])
		}
	}
	return name
}

// queueByURL names the queues of a cloud provider that are known by URL or resource name.
func queueByURL(p *Peer, a *Attributes) bool {
	var system, name, address string
	switch {
	case a.has(awsSQSQueueURL):
		url := a.Text(awsSQSQueueURL)
		system, name, address = "aws_sqs", url[strings.LastIndexByte(url, '/')+1:], hostOfURL(url).address(a)
	case a.has(awsSNSTopicARN):
		topic := a.Text(awsSNSTopicARN)
		system, name = "aws.sns", topic[strings.LastIndexByte(topic, ':')+1:]
	case a.has(awsKinesisStreamName):
		system, name = "aws.kinesis", a.Text(awsKinesisStreamName)
	}
	if name = cleanName(name); name == "" {
		return false
	}
	p.Type, p.System, p.Name, p.Address = TypeQueue, system, name, address
	return true
}
