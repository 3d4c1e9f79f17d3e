package main_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"
	"unsafe"
)

// The cost of ingest is the processor time that the process of `faultline up` takes for each span that it
// acknowledged: doors, decoding, matching, folding and handing rows to the engine, which is a process of
// its own and does not count. The analysis does not look meanwhile: what a look costs does not depend on the spans. The server runs alone on one core. What sends the load runs on another.

var (
	cost         = flag.Bool("cost", false, "measure the cost of ingest")
	costServices = flag.Int("services", 100, "services of the load")
	costFor      = flag.Duration("for", 4*time.Second, "length of one measurement")
	costRepeat   = flag.Int("repeat", 5, "measurements of each kind; the medians are shown")
	costWarm     = flag.Int("warm", 34_000_000, "spans sent before, so that matching remembers as many as it may, on disk as well, and the journal uses its files again")
	costDoors    = flag.String("doors", "http,grpc,gzip,zstd,snappy", "doors to measure")
	costRate     = flag.Float64("rate", 0.5, "share of the spans a second that were reached, at which the time to the answer is measured")
	costFsync    = flag.String("fsync", "interval", "when the server acknowledges: always, interval or off")
	costProfile  = flag.String("profile", "", "folder for a CPU profile of each door")
)

// roleVariable makes the test binary another process of the measurement: "floor", or "load" with the
// number of services behind it.
const roleVariable = "COST_TEST_ROLE"

func play(role string) {
	if services, ok := strings.CutPrefix(role, "load "); ok {
		n, err := strconv.Atoi(services)
		if err != nil {
			panic(err)
		}
		playLoad(n)
		return
	}
	playFloor()
}

const serverCore, loadCore = 0, 1

// onCore runs f on one core. The processes that f starts stay there.
func onCore(t *testing.T, core int, f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before uint64
	if _, _, err := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, 8, uintptr(unsafe.Pointer(&before))); err != 0 {
		t.Fatal(err)
	}
	bind(t, 0, 1<<core)
	defer bind(t, 0, before)
	f()
}

func bind(t *testing.T, thread int, cores uint64) {
	if _, _, err := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, uintptr(thread), 8, uintptr(unsafe.Pointer(&cores))); err != 0 {
		t.Fatalf("bind to cores %b: %v", cores, err)
	}
}

// bindAll moves all threads of a process to a core.
func bindAll(t *testing.T, pid, core int) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		n, _ := strconv.Atoi(thread.Name())
		bind(t, n, 1<<core)
	}
}

// helper is another process of the test binary.
type helper struct {
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func startHelper(t *testing.T, role string) *helper {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := &helper{cmd: exec.Command(self)}
	h.cmd.Env = append(os.Environ(), roleVariable+"="+role)
	h.cmd.Stderr = os.Stderr
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if h.in, err = h.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	h.out = bufio.NewReader(out)
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.cmd.Process.Kill(); h.cmd.Wait() })
	return h
}

func (h *helper) line(t *testing.T) string {
	line, err := h.out.ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v", h.cmd.Env[len(h.cmd.Env)-1], err)
	}
	return strings.TrimSpace(line)
}

// target is a server that takes the load.
type target struct {
	name       string
	pid        int
	http, grpc string       // host:port
	settled    func() error // nil once all that was acknowledged is matched
}

// costOf is what one measurement found.
type costOf struct {
	loadResult
	cpu float64 // µs a span
}

func (x *target) take(t *testing.T, load *helper, o loadOrder) costOf {
	o.Addr = x.http
	if o.Door == "grpc" {
		o.Addr = x.grpc
	}
	order, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(load.in, "%s\n", order)
	if line := load.line(t); line != "ready" {
		t.Fatal(line)
	}
	before := used(t, x.pid).cpu
	fmt.Fprintln(load.in, "go")
	var c costOf
	if err := json.Unmarshal([]byte(load.line(t)), &c.loadResult); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, x.settled)
	c.cpu = float64((used(t, x.pid).cpu - before).Nanoseconds()) / 1000 / float64(c.Acked)
	return c
}

func TestCostOfIngest(t *testing.T) {
	if !*cost {
		t.Skip("only with -cost: make bench-ingest")
	}
	if runtime.NumCPU() < 2 {
		t.Fatal("two cores are needed: one for the server, one for the load")
	}
	var p *product
	var floor, load *helper
	onCore(t, serverCore, func() {
		p = up(t, "--fsync", *costFsync, "--set", "analysis.every=1h", "--set", fmt.Sprintf("ingest.match.limits.nodes=%d", max(10_000, 2**costServices)))
		floor = startHelper(t, "floor")
	})
	onCore(t, loadCore, func() { load = startHelper(t, fmt.Sprintf("load %d", *costServices)) })
	bindAll(t, engineOf(t, p), loadCore)
	addrs := strings.Fields(floor.line(t))
	bare := &target{"floor", floor.cmd.Process.Pid, addrs[0], addrs[1], func() error { return nil }}
	full := &target{"full", p.cmd.Process.Pid, strings.TrimPrefix(p.http, "http://"), p.grpc, func() error {
		return errors.Join(p.metric("faultline_ingest_queued_spans", 0), p.metric("faultline_ingest_journal_lag_seconds", 0))
	}}
	if *costWarm > 0 {
		full.take(t, load, loadOrder{Door: "http", Spans: *costWarm})
	}
	doors := strings.Split(*costDoors, ",")
	found := map[string][]costOf{}
	for range *costRepeat {
		for _, door := range doors {
			for _, x := range []*target{bare, full} {
				key := door + " " + x.name
				found[key] = append(found[key], x.take(t, load, loadOrder{Door: door, For: *costFor}))
			}
		}
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 1, ' ', tabwriter.Debug)
	fmt.Fprintln(w, "door\tfloor µs/span\tfull µs/span\tfull ÷ floor\tspans/s\trefused\tB/span on the wire")
	for _, door := range doors {
		f, x := found[door+" floor"], found[door+" full"]
		least, own := median(f, costOf.perSpan), median(x, costOf.perSpan)
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.1f\t%.0f\t%.0f\t%.0f\n", door, least, own, own/least,
			median(x, costOf.rate), median(x, func(c costOf) float64 { return float64(c.Refused) }),
			median(x, func(c costOf) float64 { return float64(c.Bytes) / float64(c.Acked) }))
	}
	w.Flush()
	g, err := p.graph("from=now-15m")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%d services, %d edges on the map, %d of %s each, peak memory %d MiB\n%s",
		*costServices, len(g.Edges), *costRepeat, *costFor, used(t, full.pid).peak>>20, &table)

	if *costRate > 0 {
		for _, door := range doors {
			rate := *costRate * median(found[door+" full"], costOf.rate)
			c := full.take(t, load, loadOrder{Door: door, For: *costFor, Rate: rate})
			if *costProfile != "" {
				done := make(chan error, 1)
				go func() { done <- profile(p, filepath.Join(*costProfile, door+"-rate.pprof"), *costFor) }()
				full.take(t, load, loadOrder{Door: door, For: *costFor + time.Second, Rate: rate})
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			}
			fmt.Printf("%s at %.0f spans/s (%.0f%%): answer p50 %s, p99 %s, %.2f µs/span, refused %d\n", door,
				float64(c.Acked)/c.Took.Seconds(), 100**costRate, c.P50.Round(10*time.Microsecond), c.P99.Round(10*time.Microsecond), c.cpu, c.Refused)
		}
	}
	if *costProfile != "" {
		for _, door := range doors {
			done := make(chan error, 1)
			go func() { done <- profile(p, filepath.Join(*costProfile, door+".pprof"), *costFor) }()
			full.take(t, load, loadOrder{Door: door, For: *costFor + time.Second})
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (c costOf) perSpan() float64 { return c.cpu }
func (c costOf) rate() float64    { return float64(c.Acked) / c.Took.Seconds() }

func median(all []costOf, of func(costOf) float64) float64 {
	var values []float64
	for _, c := range all {
		values = append(values, of(c))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// profile writes a CPU profile of the product.
func profile(p *product, file string, length time.Duration) error {
	resp, err := http.Get(fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", p.admin, max(int(length.Seconds()), 1)))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, resp.Body)
	return err
}
