package graph

import (
	"hash/maphash"
	"strconv"
)

// Key stands for one of the attribute keys that naming reads. Every other attribute of a span is none of
// our business: it is not stored and costs no memory.
type Key uint8

// The keys that a decoder sets itself or tells apart; all others it knows only through KeyOf.
const (
	ExceptionType    = exceptionType
	ExceptionMessage = exceptionMessage
)

// The keys read, in the order of keyNames.
const (
	serviceName Key = iota + 1
	serviceNamespace
	serviceVersion
	serviceCriticality
	deploymentEnvironmentName
	deploymentEnvironment
	labelInstance
	labelName
	podLabelInstance
	podLabelName
	podLabelsInstance
	podLabelsName
	k8sNamespaceName
	k8sDeploymentName
	k8sStatefulSetName
	k8sDaemonSetName
	k8sCronJobName
	k8sJobName
	k8sContainerName
	faasName

	servicePeerName
	servicePeerNamespace
	peerService
	serverAddress
	serverPort
	netPeerName
	netPeerPort
	httpHost
	urlFull
	httpURL
	networkPeerAddress
	networkPeerPort
	netSockPeerAddr
	netSockPeerPort
	netPeerIP

	httpRequestMethod
	httpMethod
	httpResponseStatusCode
	httpStatusCode
	httpRoute
	urlTemplate
	urlPath
	httpTarget
	urlScheme
	httpScheme
	httpRequestResendCount
	httpResendCount

	rpcSystemName
	rpcSystem
	rpcMethod
	rpcService
	rpcStatusCode
	rpcResponseStatusCode
	rpcGRPCStatusCode
	rpcConnectErrorCode

	dbSystemName
	dbSystem
	dbNamespace
	dbName
	dbRedisDatabaseIndex
	dbCollectionName
	dbSQLTable
	dbMongoDBCollection
	dbCassandraTable
	dbOperationName
	dbOperation
	dbQuerySummary

	messagingSystem
	messagingDestinationTemplate
	messagingDestinationName
	messagingDestination
	messagingDestinationAnonymous
	messagingDestinationTemporary
	messagingOperationType
	messagingOperation

	faasInvokedName
	faasInvokedProvider
	faasInvokedRegion
	awsLambdaInvokedARN
	awsS3Bucket
	awsSQSQueueURL
	awsSNSTopicARN
	awsDynamoDBTableNames
	awsKinesisStreamName

	genAIProviderName
	genAISystem
	genAIRequestModel

	errorType
	exceptionType
	exceptionMessage
	userAgentSyntheticType

	keyCount
)

// keyNames are the keys as they stand in telemetry: OpenTelemetry's semantic conventions, current names
// and the legacy ones that senders still use.
var keyNames = [keyCount]string{
	serviceName:               "service.name",
	serviceNamespace:          "service.namespace",
	serviceVersion:            "service.version",
	serviceCriticality:        "service.criticality",
	deploymentEnvironmentName: "deployment.environment.name",
	deploymentEnvironment:     "deployment.environment",
	labelInstance:             "app.kubernetes.io/instance",
	labelName:                 "app.kubernetes.io/name",
	podLabelInstance:          "k8s.pod.label.app.kubernetes.io/instance",
	podLabelName:              "k8s.pod.label.app.kubernetes.io/name",
	podLabelsInstance:         "k8s.pod.labels.app.kubernetes.io/instance",
	podLabelsName:             "k8s.pod.labels.app.kubernetes.io/name",
	k8sNamespaceName:          "k8s.namespace.name",
	k8sDeploymentName:         "k8s.deployment.name",
	k8sStatefulSetName:        "k8s.statefulset.name",
	k8sDaemonSetName:          "k8s.daemonset.name",
	k8sCronJobName:            "k8s.cronjob.name",
	k8sJobName:                "k8s.job.name",
	k8sContainerName:          "k8s.container.name",
	faasName:                  "faas.name",

	servicePeerName:      "service.peer.name",
	servicePeerNamespace: "service.peer.namespace",
	peerService:          "peer.service",
	serverAddress:        "server.address",
	serverPort:           "server.port",
	netPeerName:          "net.peer.name",
	netPeerPort:          "net.peer.port",
	httpHost:             "http.host",
	urlFull:              "url.full",
	httpURL:              "http.url",
	networkPeerAddress:   "network.peer.address",
	networkPeerPort:      "network.peer.port",
	netSockPeerAddr:      "net.sock.peer.addr",
	netSockPeerPort:      "net.sock.peer.port",
	netPeerIP:            "net.peer.ip",

	httpRequestMethod:      "http.request.method",
	httpMethod:             "http.method",
	httpResponseStatusCode: "http.response.status_code",
	httpStatusCode:         "http.status_code",
	httpRoute:              "http.route",
	urlTemplate:            "url.template",
	urlPath:                "url.path",
	httpTarget:             "http.target",
	urlScheme:              "url.scheme",
	httpScheme:             "http.scheme",
	httpRequestResendCount: "http.request.resend_count",
	httpResendCount:        "http.resend_count",

	rpcSystemName:         "rpc.system.name",
	rpcSystem:             "rpc.system",
	rpcMethod:             "rpc.method",
	rpcService:            "rpc.service",
	rpcStatusCode:         "rpc.status_code",
	rpcResponseStatusCode: "rpc.response.status_code",
	rpcGRPCStatusCode:     "rpc.grpc.status_code",
	rpcConnectErrorCode:   "rpc.connect_rpc.error_code",

	dbSystemName:         "db.system.name",
	dbSystem:             "db.system",
	dbNamespace:          "db.namespace",
	dbName:               "db.name",
	dbRedisDatabaseIndex: "db.redis.database_index",
	dbCollectionName:     "db.collection.name",
	dbSQLTable:           "db.sql.table",
	dbMongoDBCollection:  "db.mongodb.collection",
	dbCassandraTable:     "db.cassandra.table",
	dbOperationName:      "db.operation.name",
	dbOperation:          "db.operation",
	dbQuerySummary:       "db.query.summary",

	messagingSystem:               "messaging.system",
	messagingDestinationTemplate:  "messaging.destination.template",
	messagingDestinationName:      "messaging.destination.name",
	messagingDestination:          "messaging.destination",
	messagingDestinationAnonymous: "messaging.destination.anonymous",
	messagingDestinationTemporary: "messaging.destination.temporary",
	messagingOperationType:        "messaging.operation.type",
	messagingOperation:            "messaging.operation",

	faasInvokedName:       "faas.invoked_name",
	faasInvokedProvider:   "faas.invoked_provider",
	faasInvokedRegion:     "faas.invoked_region",
	awsLambdaInvokedARN:   "aws.lambda.invoked_arn",
	awsS3Bucket:           "aws.s3.bucket",
	awsSQSQueueURL:        "aws.sqs.queue.url",
	awsSNSTopicARN:        "aws.sns.topic.arn",
	awsDynamoDBTableNames: "aws.dynamodb.table_names",
	awsKinesisStreamName:  "aws.kinesis.stream_name",

	genAIProviderName: "gen_ai.provider.name",
	genAISystem:       "gen_ai.system",
	genAIRequestModel: "gen_ai.request.model",

	errorType:              "error.type",
	exceptionType:          "exception.type",
	exceptionMessage:       "exception.message",
	userAgentSyntheticType: "user_agent.synthetic.type",
}

// keyIndex finds a key by its name with one look: keySeed is such that no two of keyNames share a slot. A
// decoder asks about every attribute of every span, and many are none of keyNames.
var keySeed, keyIndex = func() (seed uint64, index [keySlots]Key) {
search:
	for seed = 0x9e3779b97f4a7c15; ; seed += 2 {
		if seed > 0x9e3779b97f4a7c15+1<<16 { // it takes some dozen tries
			panic("graph: keyHash does not tell all keys apart")
		}
		clear(index[:])
		for k := Key(1); k < keyCount; k++ {
			slot := &index[keyHash(keyNames[k])*seed>>(64-keyBits)]
			if *slot != 0 {
				continue search
			}
			*slot = k
		}
		return seed, index
	}
}()

const keyBits, keySlots = 11, 1 << keyBits

// keyHash tells all of keyNames apart: by their length and last 8 bytes.
func keyHash(name string) uint64 {
	n := len(name)
	if n >= 8 {
		return eight(name[n-8:]) + uint64(n)<<3
	}
	h := uint64(n)
	for i := range n {
		h = h<<8 | uint64(name[i])
	}
	return h
}

// eight is the first 8 bytes of s as a number.
func eight(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// KeyOf returns the key of that name, and false if naming does not read it.
func KeyOf(name string) (Key, bool) {
	var h uint64
	if n := len(name); n >= 8 {
		h = eight(name[n-8:]) + uint64(n)<<3 // as keyHash says, without the call
	} else {
		h = keyHash(name)
	}
	if k := keyIndex[h*keySeed>>(64-keyBits)]; k != 0 && keyNames[k] == name {
		return k, true
	}
	return 0, false
}

// varying are the keys whose values differ from one span of a Shape to the next: how calls ended, whole
// URLs and paths, addresses and ports of whoever happened to be at the other end.
var varying = [keyCount]bool{
	httpResponseStatusCode: true, httpStatusCode: true, httpRequestResendCount: true, httpResendCount: true,
	rpcStatusCode: true, rpcResponseStatusCode: true, rpcGRPCStatusCode: true, rpcConnectErrorCode: true,
	errorType: true, exceptionType: true, exceptionMessage: true,
	urlFull: true, httpURL: true, urlPath: true, httpTarget: true,
	networkPeerAddress: true, networkPeerPort: true, netSockPeerAddr: true, netSockPeerPort: true, netPeerIP: true, netPeerPort: true,
}

// Varies reports whether values of k differ from one span of a Shape to the next. What a Shape is called may
// still depend on whether there is one.
func (k Key) Varies() bool { return varying[k] }

// Attributes are those attributes of one resource or span that naming reads. It is meant to be filled,
// read and Reset again and again: it allocates nothing. The zero value is empty. Of two values for one key
// the first counts.
type Attributes struct {
	values [keyCount]value
	given  []Key
	made   made
	varied bool // a value was read whose key varies
}

// made are the names that were put together lately. One that comes again, as nearly all do, costs no
// memory. It survives Reset.
type made struct {
	buf   []byte
	names [1 << 10]string // by hash
}

var madeSeed = maphash.MakeSeed()

// join is the parts one after another.
func (a *Attributes) join(parts ...string) string {
	b := a.made.buf[:0]
	for _, p := range parts {
		b = append(b, p...)
	}
	return a.keep(b)
}

// keep returns b as a string and keeps the memory of b for the next name.
func (a *Attributes) keep(b []byte) string {
	a.made.buf = b
	name := &a.made.names[maphash.Bytes(madeSeed, b)%uint64(len(a.made.names))]
	if *name != string(b) {
		*name = string(b)
	}
	return *name
}

// value is a text, or a number that becomes text only if somebody asks for it.
type value struct {
	text   string
	number int64
	form   form
}

type form uint8

const (
	unset form = iota
	isText
	isNumber
)

// Reset forgets all values.
func (a *Attributes) Reset() {
	for _, k := range a.given {
		a.values[k] = value{}
	}
	a.given = a.given[:0]
}

// SetText gives k a text. The text is kept as it is, without a copy.
func (a *Attributes) SetText(k Key, s string) { a.set(k, value{text: s, form: isText}) }

// SetInt gives k a whole number.
func (a *Attributes) SetInt(k Key, n int64) { a.set(k, value{number: n, form: isNumber}) }

// SetBool gives k a truth value.
func (a *Attributes) SetBool(k Key, b bool) { a.SetText(k, strconv.FormatBool(b)) }

func (a *Attributes) set(k Key, v value) {
	if a.values[k].form != unset {
		return
	}
	a.values[k] = v
	a.given = append(a.given, k)
}

// Text returns the value of k as text, "" if there is none.
func (a *Attributes) Text(k Key) string {
	v := &a.values[k]
	a.varied = a.varied || v.form != unset && varying[k]
	if v.form == isNumber {
		return strconv.FormatInt(v.number, 10)
	}
	return v.text
}

// Int returns the value of k as a whole number, given as one or as decimal text.
func (a *Attributes) Int(k Key) (int64, bool) {
	v := &a.values[k]
	a.varied = a.varied || v.form != unset && varying[k]
	switch v.form {
	case isNumber:
		return v.number, true
	case isText:
		n, err := strconv.ParseInt(v.text, 10, 64)
		return n, err == nil
	}
	return 0, false
}

// has reports whether k has a value other than the empty text.
func (a *Attributes) has(k Key) bool { return a.values[k].form == isNumber || a.values[k].text != "" }

// is reports whether k has the value true.
func (a *Attributes) is(k Key) bool { return a.values[k].text == "true" }

// first returns the first of keys that has a value, as text.
func (a *Attributes) first(keys ...Key) string {
	for _, k := range keys {
		if a.has(k) {
			return a.Text(k)
		}
	}
	return ""
}

// firstInt returns the first of keys that has a number.
func (a *Attributes) firstInt(keys ...Key) (int64, bool) {
	for _, k := range keys {
		if n, ok := a.Int(k); ok {
			return n, true
		}
	}
	return 0, false
}
