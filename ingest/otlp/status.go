package otlp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// refusal is why a request is not accepted, in the terms of both doors.
type refusal struct {
	code    codes.Code
	http    int
	message string // what is wrong and what to do, for the sender's log
}

func (r *refusal) Error() string { return r.message }

// retry reports whether the sender should send the same bytes again.
func (r *refusal) retry() bool { return r.code == codes.Unavailable }

func refuse(code codes.Code, status int, format string, args ...any) *refusal {
	return &refusal{code, status, fmt.Sprintf(format, args...)}
}

// badData refuses a body for good.
func badData(format string, args ...any) *refusal {
	return refuse(codes.InvalidArgument, http.StatusBadRequest, format, args...)
}

// tooLarge refuses a body for good because of its size.
func tooLarge(format string, args ...any) *refusal {
	return refuse(codes.ResourceExhausted, http.StatusRequestEntityTooLarge, format, args...)
}

// later refuses a request for now.
func later(format string, args ...any) *refusal {
	return refuse(codes.Unavailable, http.StatusServiceUnavailable, format, args...)
}

// refusalOf turns any error of a request into what its sender is told. What is not known to be the
// sender's fault is answered with "later": telemetry that can be kept elsewhere meanwhile is not lost.
func refusalOf(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	if bad, ok := errors.AsType[*BadDataError](err); ok {
		return badData("%s", bad.Detail)
	}
	switch {
	case errors.Is(err, ErrOverloaded):
		return later("overloaded: send the batch again later")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return later("the batch could not be taken in time: send it again later")
	default:
		return later("the batch could not be stored: send it again later")
	}
}

// marshalStatus writes r as google.rpc.Status. A wait of more than zero goes in as RetryInfo.
func marshalStatus(r *refusal, wait time.Duration, enc Encoding) []byte {
	st := &rpcstatus.Status{Code: int32(r.code), Message: r.message}
	if wait > 0 {
		if detail, err := anypb.New(&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)}); err == nil {
			st.Details = append(st.Details, detail)
		}
	}
	var out []byte
	var err error
	if enc == JSON {
		out, err = protojson.Marshal(st)
	} else {
		out, err = proto.Marshal(st)
	}
	if err != nil { // the message quotes bytes of the body that are not UTF-8
		return marshalStatus(&refusal{r.code, r.http, strconv.QuoteToASCII(r.message)}, wait, enc)
	}
	return out
}

// partial is the partial_success of an accepted request; zero if all of it was accepted.
type partial struct {
	rejected int64
	message  string
}

// marshal writes the Export*ServiceResponse that carries p. The responses of all signals are alike.
func (p partial) marshal(enc Encoding) []byte {
	if enc == JSON {
		if p == (partial{}) {
			return []byte("{}")
		}
		type success struct {
			RejectedSpans int64  `json:"rejectedSpans,string"`
			ErrorMessage  string `json:"errorMessage"`
		}
		out, err := json.Marshal(map[string]success{"partialSuccess": {p.rejected, p.message}})
		if err != nil {
			panic(err) // an integer and a string
		}
		return out
	}
	if p == (partial{}) {
		return nil
	}
	success := protowire.AppendTag(nil, 1, protowire.VarintType)
	success = protowire.AppendVarint(success, uint64(p.rejected))
	success = protowire.AppendTag(success, 2, protowire.BytesType)
	success = protowire.AppendString(success, p.message)
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), success)
}
