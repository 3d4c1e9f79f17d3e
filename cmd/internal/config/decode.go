package config

import (
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
)

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// units are the suffixes of a number of bytes.
var units = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// decode sets a field to a value as a source gives it. Beyond what YAML says itself, strings become
// durations ("10s"), numbers, also of bytes ("64MiB"), booleans, and lists ("a,b"); nothing is rounded or
// cut to fit.
func decode(value any, field reflect.Value) error {
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result:           field.Addr().Interface(),
		TagName:          "yaml",
		ErrorUnused:      true,
		WeaklyTypedInput: true,
		ZeroFields:       true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			toLevel, mapstructure.TextUnmarshallerHookFunc(), toDuration, toNumber, toBool, toList),
	})
	if err != nil {
		return err
	}
	return plain(d.Decode(value))
}

// plain takes the decoder's own wrapping off an error: the key is named by the caller already.
func plain(err error) error {
	var d *mapstructure.DecodeError
	for errors.As(err, &d) && d.Name() == "" {
		err = d.Unwrap()
	}
	return err
}

// toLevel is here for what is said of a level that there is not.
func toLevel(_, to reflect.Type, value any) (any, error) {
	text, ok := value.(string)
	if to != reflect.TypeFor[slog.Level]() || !ok {
		return value, nil
	}
	var l slog.Level
	if l.UnmarshalText([]byte(text)) != nil {
		return nil, fmt.Errorf("%q is none of DEBUG, INFO, WARN and ERROR", text)
	}
	return l, nil
}

func toDuration(from, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() || from == to {
		return value, nil
	}
	switch v := value.(type) {
	case string:
		d, err := time.ParseDuration(v)
		if err != nil {
			return nil, fmt.Errorf("%q is not a duration such as 10s, 5m or 48h", v)
		}
		return d, nil
	case int:
		if v == 0 {
			return time.Duration(0), nil
		}
	}
	return nil, fmt.Errorf("%v is a duration without a unit; write for example %vs", value, value)
}

func toNumber(from, to reflect.Type, value any) (any, error) {
	isInt := to.Kind() >= reflect.Int && to.Kind() <= reflect.Uint64
	switch v := value.(type) {
	case string:
		if !isInt && to.Kind() != reflect.Float64 && to.Kind() != reflect.Float32 {
			return value, nil
		}
		n, err := parseNumber(v)
		if err != nil {
			return nil, err
		}
		value = n
	case float64:
	default:
		return value, nil
	}
	n, ok := value.(float64)
	if !ok || !isInt {
		return value, nil
	}
	if n != math.Trunc(n) || math.Abs(n) >= 1<<63 {
		return nil, fmt.Errorf("%v is not a whole number", n)
	}
	return int64(n), nil
}

// parseNumber reads an integer, a float, or a number of bytes with a unit.
func parseNumber(s string) (any, error) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseInt(s, 0, 64); err == nil {
		return n, nil
	}
	digits, factor := s, 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			digits, factor = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return nil, fmt.Errorf("%q is not a number, or a number of bytes such as 64MiB", s)
	}
	return n * factor, nil
}

func toBool(_, to reflect.Type, value any) (any, error) {
	s, ok := value.(string)
	if !ok || to.Kind() != reflect.Bool {
		return value, nil
	}
	b, err := strconv.ParseBool(s)
	if err != nil {
		return nil, fmt.Errorf("%q is neither true nor false", s)
	}
	return b, nil
}

func toList(_, to reflect.Type, value any) (any, error) {
	s, ok := value.(string)
	if !ok || to.Kind() != reflect.Slice {
		return value, nil
	}
	items := []string{}
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items, nil
}
