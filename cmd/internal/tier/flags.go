package tier

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"faultline/cmd/internal/config"
)

// Flag is the name that an often used setting has on the command line.
type Flag struct {
	Name  string
	Key   string
	Usage string
}

// Flags are all such names. A program offers those it uses; --set reaches every other setting.
var Flags = []Flag{
	{"listen", "api.listen", "`host:port` of the UI and the API"},
	{"otlp-grpc", "otlp.grpc_addr", "`host:port` of OTLP over gRPC"},
	{"otlp-http", "otlp.http_addr", "`host:port` of OTLP over HTTP"},
	{"admin", "admin.listen", "`host:port` of metrics, health checks and profiles"},
	{"data-dir", "data_dir", "`folder` of the journal and of the embedded engine's data (default $XDG_DATA_HOME/faultline or ~/.local/share/faultline)"},
	{"clickhouse-addr", "clickhouse.addr", "`host:port` of a ClickHouse server, native protocol; several separated by commas"},
	{"clickhouse-user", "clickhouse.user", "ClickHouse `user`"},
	{"clickhouse-password-file", "clickhouse.password_file", "`file` that holds the ClickHouse password"},
	{"clickhouse-database", "clickhouse.database", "ClickHouse `database`"},
	{"clickhouse-tls", "clickhouse.tls.enabled", "speak TLS to ClickHouse"},
	{"memory-limit", "memory_limit", "memory that the process stays under, in `bytes` or such as 2GiB; 0 leaves it to GOMEMLIMIT"},
	{"self-traces", "self_traces.endpoint", "send traces of the process's own work to an OTLP `endpoint`, or to itself: self"},
	{"replicas", "ingest.replicas", "`how` many take spans in: one, if all come to this process; several, if processes share them; auto: one for the all-in-one, several for the ingest tier"},
	{"fsync", "ingest.journal.fsync", "`when` spans are acknowledged: always, interval or off"},
	{"store-spans", "ingest.match.evidence.keep", "`which` traces are kept to be looked at: none, evidence or all"},
	{"objectives", "expect.objectives", "`file` with objectives of services"},
	{"declarations", "expect.declarations", "`file` with what is said about dependencies: hard, soft or partial"},
	{"demo", "demo.enabled", "make demo traffic"},
	{"log-level", "log.level", "`level` of the log: debug, info, warn or error"},
}

// FlagNames are the names of all Flags.
func FlagNames() []string {
	names := make([]string, len(Flags))
	for i, f := range Flags {
		names[i] = f.Name
	}
	return names
}

// Options collects what the command line, and in the end every source, says about the settings.
type Options struct {
	file  string
	given []config.Flag
}

// AddFlags gives a command the flags --config and --set and those of Flags that are named.
func AddFlags(to *pflag.FlagSet, names ...string) *Options {
	o := &Options{}
	to.StringVar(&o.file, "config", os.Getenv("FAULTLINE_CONFIG"), "YAML `file` with settings (variable: FAULTLINE_CONFIG)")
	to.Var(&setValue{o}, "set", "any setting, as `key=value`; may be repeated")
	defaults := DefaultConfig()
	keys := config.Keys(&defaults)
	for _, f := range Flags {
		if !slices.Contains(names, f.Name) {
			continue
		}
		v := &flagValue{o: o, flag: f}
		if i := slices.IndexFunc(keys, func(k config.Key) bool { return k.Path == f.Key }); i >= 0 {
			v.text = keys[i].Default(&defaults)
			v.isBool = keys[i].Kind() == reflect.Bool
		}
		added := to.VarPF(v, f.Name, "", f.Usage)
		if v.isBool {
			added.NoOptDefVal = "true"
		}
	}
	return o
}

// Load returns the settings that all sources make together.
func (o *Options) Load() (Config, error) {
	c := DefaultConfig()
	err := config.Load(&c, config.Sources{File: o.file, Environ: os.Environ(), Flags: o.given})
	if err != nil {
		return c, fmt.Errorf("the configuration has mistakes:\n  %s", strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	return c, nil
}

// flagValue records a flag when it is given; what it means is decided together with the other sources.
type flagValue struct {
	o      *Options
	flag   Flag
	text   string
	isBool bool
}

func (v *flagValue) String() string { return v.text }

func (v *flagValue) Set(s string) error {
	v.o.given = append(v.o.given, config.Flag{Name: "--" + v.flag.Name, Key: v.flag.Key, Value: s})
	return nil
}

func (v *flagValue) Type() string {
	if v.isBool {
		return "bool"
	}
	return "string"
}

// setValue is --set.
type setValue struct{ o *Options }

func (v *setValue) String() string { return "" }
func (v *setValue) Type() string   { return "key=value" }

func (v *setValue) Set(s string) error {
	key, value, ok := strings.Cut(s, "=")
	if !ok {
		return fmt.Errorf("%q is not of the form key=value", s)
	}
	v.o.given = append(v.o.given, config.Flag{Name: "--set", Key: key, Value: value})
	return nil
}
