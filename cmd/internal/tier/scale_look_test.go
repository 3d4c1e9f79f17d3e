package tier

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"faultline/storage/clickhouse/clickhousetest"
)

var (
	looks      = flag.Duration("looks", 0, "measure for so long what the analysis of 100,000 edges costs")
	cpuProfile = flag.String("looks-profile", "", "file for a profile of the last 30 seconds of it")
)

// requestsOf makes a request to each of some services, which calls ten others.
func requestsOf(round uint64, from, to int) []byte {
	const ms = time.Millisecond
	r := newSpanRequest(round + 1)
	for caller := from; caller < to; caller++ {
		trace, took := uint64(caller+1), time.Duration(5+(round*7+uint64(caller))%20)*ms
		r.add(caller, trace, 1, 0, ptrace.SpanKindServer, fmt.Sprintf("shop.Service%d/List", caller), 0, took)
		for i := range scaleFanOut {
			callee := (caller + 1 + i*37) % scaleServices
			operation := fmt.Sprintf("shop.Service%d/Get", callee)
			r.add(caller, trace, uint64(10+i), 1, ptrace.SpanKindClient, operation, ms, took-2*ms)
			r.add(callee, trace, uint64(100+i), uint64(10+i), ptrace.SpanKindServer, operation, 2*ms, took-3*ms)
		}
	}
	return r.wire()
}

// TestLooksAtScale measures what the process that analyses takes where 9,900 services make 99,000 kinds of calls, every one
// of them every ten seconds. Reading from the database is part of it.
func TestLooksAtScale(t *testing.T) {
	if *looks == 0 {
		t.Skip("only with -looks: make bench-analysis")
	}
	access := clickhousetest.New(t)
	f := newFleet(t, access, access.Addr, 1)
	api := launch(t, "api", []string{"FAULTLINE_CLICKHOUSE__PASSWORD=" + access.Password},
		"--clickhouse-addr", access.Addr, "--clickhouse-user", access.User, "--clickhouse-database", access.Database,
		"--admin", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--log-level", "error")
	begin := time.Now()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		const batch = 30
		const pause = 10 * time.Second * batch / scaleServices
		for n := 0; time.Since(begin) < *looks; n++ {
			from := n * batch % scaleServices
			f.send(0, requestsOf(uint64(n*batch/scaleServices), from, min(from+batch, scaleServices)))
			time.Sleep(time.Until(begin.Add(time.Duration(n+1) * pause)))
		}
	}()
	type state struct{ cpu, count, sum float64 }
	of := func() (s state) {
		_, metrics := get(t, api.addresses["admin"]+"/metrics")
		value := func(name string) float64 {
			v, _ := strconv.ParseFloat(regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(metrics)[1], 64)
			return v
		}
		return state{value("process_cpu_seconds_total"), value("faultline_analysis_tick_seconds_count"), value("faultline_analysis_tick_seconds_sum")}
	}
	before := of()
	for time.Since(begin) < *looks {
		time.Sleep(time.Minute)
		now := of()
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", api.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		n := now.count - before.count
		fmt.Printf("%4.0f s: %2.0f looks, each %5.2f s and %5.2f s of CPU; %s\n", time.Since(begin).Seconds(), n, (now.sum-before.sum)/n, (now.cpu-before.cpu)/n,
			strings.Join(regexp.MustCompile(`Vm(?:RSS|HWM):\s+\d+ kB`).FindAllString(string(status), 2), ", "))
		before = now
	}
	_, metrics := get(t, api.addresses["admin"]+"/metrics")
	for _, m := range regexp.MustCompile(`(?m)^faultline_store_query_seconds_(count|sum)\{operation="(\w+)"\} (\S+)$`).FindAllStringSubmatch(metrics, -1) {
		fmt.Printf("asked the database %-16s %5s %s\n", m[2], m[1], m[3])
	}
	if *cpuProfile != "" {
		_, profile := get(t, api.addresses["admin"]+"/debug/pprof/profile?seconds=30")
		if err := os.WriteFile(*cpuProfile, []byte(profile), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	<-ended
}
