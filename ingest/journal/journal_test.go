package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/sys/unix"
)

var t0 = time.Unix(1_700_000_000, 123)

func config(t testing.TB) Config {
	c := DefaultConfig()
	c.Dir, c.Fsync, c.SegmentBytes, c.KeepFree = t.TempDir(), Off, 4<<10, 0
	return c
}

func open(t testing.TB, c Config) *Journal {
	t.Helper()
	j, err := Open(c, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func shut(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// record is the record that tests append as number n.
func record(n int) Record {
	return Record{
		Position: Position(n), Time: t0.Add(time.Duration(n) * time.Second), Kind: uint8(n), Meta: fmt.Appendf(nil, "meta %d", n),
		Body: bytes.Repeat([]byte{byte(n)}, 10+n*37%300),
	}
}

func add(t testing.TB, j *Journal, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		at, err := j.Append(context.Background(), record(n), nil)
		if err != nil || int(at) != n {
			t.Fatalf("append %d: at %d, %v", n, at, err)
		}
	}
}

// read returns the numbers of the records behind after; each must be as it was appended.
func read(t testing.TB, j *Journal, after int) (got []int) {
	t.Helper()
	r := j.Read(Position(after))
	defer r.Close()
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := record(int(rec.Position)); !sameRecord(&want, &rec) {
			t.Fatalf("record %d (-appended +read):\n%s", rec.Position, cmp.Diff(want, rec, cmp.Comparer(time.Time.Equal)))
		}
		got = append(got, int(rec.Position))
	}
}

func sameRecord(a, b *Record) bool {
	return a.Position == b.Position && a.Time.Equal(b.Time) && a.Kind == b.Kind && bytes.Equal(a.Meta, b.Meta) && bytes.Equal(a.Body, b.Body)
}

func numbers(from, to int) (all []int) {
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

func equal(t testing.TB, what string, want, got []int) {
	t.Helper()
	if !slices.Equal(want, got) {
		t.Fatalf("%s: records %v, want %v", what, got, want)
	}
}

func TestAppendReadReopen(t *testing.T) {
	for _, policy := range []string{Always, Interval, Off} {
		c := config(t)
		c.Fsync = policy
		j := open(t, c)
		equal(t, "empty", nil, read(t, j, 0))
		add(t, j, 1, 100)
		equal(t, policy, numbers(1, 100), read(t, j, 0))
		equal(t, policy, numbers(42, 100), read(t, j, 41))
		if s := j.Stats(); s.Segments < 4 || !s.Oldest.Equal(record(1).Time) {
			t.Errorf("stats %+v", s)
		}
		shut(t, j)
		j = open(t, c)
		if j.End() != 100 {
			t.Errorf("end %d after reopening, want 100", j.End())
		}
		add(t, j, 101, 120)
		equal(t, policy+" reopened", numbers(1, 120), read(t, j, 0))
		shut(t, j)
	}
}

func TestReaderFollows(t *testing.T) {
	j := open(t, config(t))
	defer shut(t, j)
	r := j.Read(0)
	defer r.Close()
	for n := 1; n < 200; n++ {
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Fatalf("before record %d: %v, want EOF", n, err)
		}
		add(t, j, n, n)
		rec, err := r.Next()
		if err != nil || int(rec.Position) != n {
			t.Fatalf("record %d, %v; want %d", rec.Position, err, n)
		}
	}
}

func TestRelease(t *testing.T) {
	c := config(t)
	j := open(t, c)
	add(t, j, 1, 100)
	r := j.Read(0) // reads what it has begun, whatever is deleted meanwhile
	defer r.Close()
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	before := j.Stats()
	if err := j.Release(60); err != nil {
		t.Fatal(err)
	}
	got := read(t, j, 0)
	if got[0] <= 1 || got[0] > 61 || got[len(got)-1] != 100 {
		t.Errorf("after Release(60) there are %d to %d", got[0], got[len(got)-1])
	}
	if s := j.Stats(); s.Bytes >= before.Bytes || s.Segments >= before.Segments {
		t.Errorf("nothing was deleted: %+v, before %+v", s, before)
	}
	if rec, err := r.Next(); err != nil || rec.Position != 2 {
		t.Errorf("the open reader got %d, %v", rec.Position, err)
	}
	if err := j.Release(1000); err != nil {
		t.Fatal(err)
	}
	shut(t, j)
	j = open(t, c)
	defer shut(t, j)
	add(t, j, 101, 101)
	if got := read(t, j, 0); got[len(got)-1] != 101 {
		t.Errorf("after reopening %v", got)
	}
}

// TestFilesAreUsedAgain kills the process, so to speak, after every record, while files live one life after
// the other: what is read is what was written in the last.
func TestFilesAreUsedAgain(t *testing.T) {
	c := config(t)
	c.Fsync = Off // what is killed is the process, not the machine
	j := open(t, c)
	defer shut(t, j)
	files := map[uint64]bool{}
	for n := 1; n <= 160; n++ {
		add(t, j, n, n)
		if n%50 == 0 {
			if err := j.Release(Position(n - 20)); err != nil {
				t.Fatal(err)
			}
		}
		names, _ := filepath.Glob(filepath.Join(c.Dir, "*"+suffix))
		for _, name := range names {
			var st unix.Stat_t
			if err := unix.Stat(name, &st); err != nil {
				t.Fatal(err)
			}
			files[st.Ino] = true
		}
		killed := c
		killed.Dir = t.TempDir()
		if err := os.CopyFS(killed.Dir, os.DirFS(c.Dir)); err != nil {
			t.Fatal(err)
		}
		k := open(t, killed)
		first := int(k.segments[0].first)
		equal(t, fmt.Sprint("killed after ", n), numbers(first, n), read(t, k, 0))
		if torn := testutil.ToFloat64(k.metrics.torn); torn != 0 {
			t.Fatalf("killed after %d: %v records are said to be torn", n, torn)
		}
		add(t, k, n+1, n+3)
		equal(t, fmt.Sprint("killed after ", n, ", appended"), numbers(first, n+3), read(t, k, 0))
		shut(t, k)
	}
	if len(files) > 8 { // 160 records are about 10 segments
		t.Errorf("%d files were made", len(files))
	}
}

// A body may hold what looks like a record to come. When the journal is mended, it must not become one.
func TestForgedRecord(t *testing.T) {
	c := config(t)
	j := open(t, c)
	add(t, j, 1, 3)
	forged := record(5)
	for _, seed := range []uint32{0, seedOf(make([]byte, segmentHeader))} {
		body := append(append(appendHeader(nil, seed, &forged), forged.Meta...), forged.Body...)
		if _, err := j.Append(context.Background(), Record{Time: t0, Body: body}, nil); err != nil {
			t.Fatal(err)
		}
	}
	shut(t, j)
	path := filepath.Join(c.Dir, "00000000000000000001.wal")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(whole, record(3).Body)
	whole[at+len(record(3).Body)+recordHeader/2] ^= 1 // in the header of the record with the first forged one
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	j = open(t, c)
	defer shut(t, j)
	r := j.Read(3)
	defer r.Close()
	rec, err := r.Next()
	if err != nil || rec.Position != 5 || len(rec.Body) == len(forged.Body) {
		t.Errorf("record %d with a body of %d bytes, %v", rec.Position, len(rec.Body), err)
	}
}

func TestFull(t *testing.T) {
	c := config(t)
	c.MaxBytes = 4 * c.SegmentBytes
	j := open(t, c)
	defer shut(t, j)
	n, err := 0, error(nil)
	for err == nil {
		n++
		_, err = j.Append(t.Context(), record(n), nil)
	}
	if !errors.Is(err, ErrFull) || !errors.Is(j.Writable(), ErrFull) {
		t.Fatalf("record %d: %v; writable: %v", n, err, j.Writable())
	}
	equal(t, "full", numbers(1, n-1), read(t, j, 0))
	if err := j.Release(j.End()); err != nil {
		t.Fatal(err)
	}
	if err := j.Writable(); err != nil {
		t.Error(err)
	}
	add(t, j, n, n)
}

// TestDiskFull: a record that found no space on the disk is not there, and does not stand in the way.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("a small file system cannot be mounted here: ", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	c := config(t)
	c.Dir, c.Fsync, c.SegmentBytes = dir, Always, 64<<10
	j := open(t, c)
	n, err := 0, error(nil)
	for err == nil {
		n++
		_, err = j.Append(t.Context(), record(n), nil)
	}
	if !errors.Is(err, ErrFull) {
		t.Fatalf("record %d: %v, want ErrFull", n, err)
	}
	equal(t, "disk full", numbers(1, n-1), read(t, j, 0))
	if err := j.Release(Position(n / 2)); err != nil {
		t.Fatal(err)
	}
	add(t, j, n, n+5)
	kept := read(t, j, 0)
	if kept[len(kept)-1] != n+5 || len(kept) != kept[len(kept)-1]-kept[0]+1 {
		t.Errorf("after there was space again: %v", kept)
	}
	shut(t, j)
	j = open(t, c)
	equal(t, "reopened", kept, read(t, j, 0))
	shut(t, j)
}

// Files kept to be written anew are given up before anybody is turned away for want of space.
func TestSparesGiveWay(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("a small file system cannot be mounted here: ", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	c := config(t)
	c.Dir, c.SegmentBytes, c.MaxBytes, c.KeepFree = dir, 64<<10, 8<<20, 128<<10
	j := open(t, c)
	n := 0
	for len(j.segments) < 8 {
		n++
		add(t, j, n, n)
	}
	if err := j.Release(Position(n)); err != nil {
		t.Fatal(err)
	}
	if len(j.spares) != 7 {
		t.Fatalf("%d spares", len(j.spares))
	}
	leave := func(bytes int64) { // free on the disk
		ballast := filepath.Join(dir, "ballast")
		_ = os.Remove(ballast)
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(ballast, make([]byte, int64(st.Bavail)*st.Bsize-bytes), 0o600); err != nil {
			t.Fatal(err)
		}
		j.space.forget()
	}
	if err := os.Remove(j.spares[0]); err != nil { // somebody else tidied up
		t.Fatal(err)
	}
	leave(64 << 10)
	for len(j.segments) < 3 { // some go into spares, some are given up for it
		n++
		add(t, j, n, n)
	}
	if left := len(j.spares); left == 0 || left > 5 {
		t.Errorf("%d spares are left, want no more given up than needed", left)
	}
	for len(j.spares) > 0 {
		leave(64 << 10)
		n++
		add(t, j, n, n)
	}
	leave(64 << 10)
	if _, err := j.Append(t.Context(), record(n+1), nil); !errors.Is(err, ErrFull) {
		t.Errorf("without space and spares: %v, want ErrFull", err)
	}
	if err := j.Release(Position(n)); err != nil || len(j.spares) > 0 || len(j.segments) != 1 {
		t.Errorf("%d spares while the disk is short, %d segments, %v", len(j.spares), len(j.segments), err)
	}
	shut(t, j)
}

// TestTornTail cuts the journal off at every byte of its last records.
func TestTornTail(t *testing.T) {
	c := config(t)
	c.Fsync = Off // what is killed is the process, not the machine
	c.SegmentBytes = 1 << 20
	j := open(t, c)
	add(t, j, 1, 5)
	shut(t, j)
	path := filepath.Join(c.Dir, "00000000000000000001.wal")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ends := []int{segmentHeader}
	for n := 1; n <= 5; n++ {
		r := record(n)
		ends = append(ends, ends[n-1]+recordHeader+len(r.Meta)+len(r.Body))
	}
	for cut := ends[3]; cut < len(whole); cut++ {
		for name, tail := range map[string][]byte{"missing": nil, "zeros": make([]byte, len(whole)-cut)} {
			c.Dir = t.TempDir()
			if err := os.WriteFile(filepath.Join(c.Dir, filepath.Base(path)), append(slices.Clone(whole[:cut]), tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			sound := 3
			if cut >= ends[4] {
				sound = 4
			}
			j := open(t, c)
			equal(t, fmt.Sprint(name, " from byte ", cut), numbers(1, sound), read(t, j, 0))
			add(t, j, sound+1, sound+2)
			equal(t, fmt.Sprint(name, " from byte ", cut, ", appended"), numbers(1, sound+2), read(t, j, 0))
			shut(t, j)
		}
	}
}

// TestDamage changes every byte of a record in the middle, in the last segment and in one before it: it
// alone is lost, and is set aside.
func TestDamage(t *testing.T) {
	for _, last := range []bool{true, false} {
		c := config(t)
		c.Fsync = Off // the damage is done by the test
		c.SegmentBytes = 1 << 20
		j := open(t, c)
		add(t, j, 1, 4)
		shut(t, j)
		want := []int{1, 3, 4}
		if !last {
			j = open(t, c)
			add(t, j, 5, 5)
			shut(t, j)
			want = append(want, 5)
		}
		const name = "00000000000000000001.wal"
		sound := os.DirFS(c.Dir)
		whole, err := os.ReadFile(filepath.Join(c.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		r1, r2 := record(1), record(2)
		from := segmentHeader + recordHeader + len(r1.Meta) + len(r1.Body)
		to := from + recordHeader + len(r2.Meta) + len(r2.Body)
		for at := from; at < to; at++ {
			whole[at] ^= 0x55
			c.Dir = t.TempDir()
			if err := errors.Join(os.CopyFS(c.Dir, sound), os.WriteFile(filepath.Join(c.Dir, name), whole, 0o600)); err != nil {
				t.Fatal(err)
			}
			whole[at] ^= 0x55
			j := open(t, c)
			equal(t, fmt.Sprint("byte ", at), want, read(t, j, 0))
			if found, _ := filepath.Glob(filepath.Join(c.Dir, "quarantine", "*")); len(found) != 1 {
				t.Fatalf("byte %d: set aside %v", at, found)
			}
			next := want[len(want)-1] + 1
			add(t, j, next, next+1)
			equal(t, fmt.Sprint("byte ", at, ", appended"), append(slices.Clone(want), next, next+1), read(t, j, 0))
			shut(t, j)
		}
	}
}

func TestStrangeFiles(t *testing.T) {
	c := config(t)
	j := open(t, c)
	add(t, j, 1, 40)
	shut(t, j)
	for name, text := range map[string]string{
		"00000000000000000000.wal": "", "00000000000000000099.wal": "garbage", "x.wal": string(magic[:]) + "01234567", "notes.txt": "mine",
	} {
		if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names, _ := filepath.Glob(filepath.Join(c.Dir, "*.wal"))
	if err := os.Remove(names[2]); err != nil { // a segment in the middle has gone
		t.Fatal(err)
	}
	j = open(t, c)
	got := read(t, j, 0)
	if got[0] != 1 || got[len(got)-1] != 40 || len(got) > 39 {
		t.Errorf("records %v", got)
	}
	add(t, j, 41, 42)
	shut(t, j)
}

func TestOneProcess(t *testing.T) {
	c := config(t)
	j := open(t, c)
	if _, err := Open(c, slog.New(slog.DiscardHandler), prometheus.NewRegistry()); !errors.Is(err, ErrLocked) {
		t.Errorf("a second Open: %v, want ErrLocked", err)
	}
	shut(t, j)
	shut(t, open(t, c))
}

// TestManyAtOnce: positions are told in their order, one at a time, and every record is there.
func TestManyAtOnce(t *testing.T) {
	c := config(t)
	c.Fsync = Always
	j := open(t, c)
	var (
		told []Position
		wg   sync.WaitGroup
	)
	const writers, each = 16, 50
	for range writers {
		wg.Go(func() {
			for range each {
				var mine Position
				at, err := j.Append(t.Context(), Record{Time: t0, Body: []byte("x")}, func(p Position) { told = append(told, p); mine = p })
				if err != nil || at != mine {
					t.Errorf("appended at %d, told %d: %v", at, mine, err)
				}
			}
		})
	}
	wg.Wait()
	for i, p := range told {
		if int(p) != i+1 {
			t.Fatalf("told %d as number %d", p, i+1)
		}
	}
	if len(told) != writers*each || j.synced != j.End() {
		t.Errorf("%d told, %d of %d on the disk", len(told), j.synced, j.End())
	}
	shut(t, j)
}

func TestCheckpoint(t *testing.T) {
	c := config(t)
	j := open(t, c)
	if b, err := j.Checkpoint(); b != nil || err != nil {
		t.Errorf("a new journal has checkpoint %q, %v", b, err)
	}
	for _, text := range []string{"one", "another", ""} {
		if err := j.SetCheckpoint([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if b, err := j.Checkpoint(); string(b) != text || err != nil {
			t.Errorf("checkpoint %q, %v; want %q", b, err, text)
		}
	}
	if err := os.WriteFile(filepath.Join(c.Dir, "checkpoint"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Checkpoint(); err == nil {
		t.Error("a damaged checkpoint was read")
	}
	shut(t, j)
}

func TestConfig(t *testing.T) {
	c := Config{Fsync: "sometimes", KeepFree: -1}
	want := "journal.fsync is \"sometimes\" and must be always, interval or off\njournal.fsync_every must be positive\n" +
		"journal.segment_bytes must be at least 4096\njournal.keep_free must not be negative"
	if diff := cmp.Diff(want, c.Validate().Error()); diff != "" {
		t.Error(diff)
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

// FuzzSegment opens a journal whose only segment is anything.
func FuzzSegment(f *testing.F) {
	c := config(f)
	j := open(f, c)
	add(f, j, 1, 3)
	shut(f, j)
	whole, err := os.ReadFile(filepath.Join(c.Dir, "00000000000000000001.wal"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	huge := slices.Clone(whole)
	huge[segmentHeader+7] = 0x7f // a body of 2 GiB
	f.Add(huge)
	f.Fuzz(func(t *testing.T, b []byte) {
		c := config(t)
		if err := os.WriteFile(filepath.Join(c.Dir, "00000000000000000001.wal"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		j := open(t, c)
		defer shut(t, j)
		var last Position
		r := j.Read(0)
		defer r.Close()
		for {
			rec, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || rec.Position <= last {
				t.Fatalf("record %d behind %d: %v", rec.Position, last, err)
			}
			last = rec.Position
		}
		at, err := j.Append(t.Context(), record(1), nil)
		if err != nil || at <= last {
			t.Fatalf("appended at %d behind %d: %v", at, last, err)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, policy := range []string{Always, Interval, Off} {
		for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%dKiB", policy, size>>10), func(b *testing.B) {
				c := DefaultConfig()
				c.Dir, c.Fsync, c.MaxBytes = b.TempDir(), policy, 1<<40
				j := open(b, c)
				defer shut(b, j)
				body := bytes.Repeat([]byte("span"), size/4)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				b.SetParallelism(8)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						at, err := j.Append(context.Background(), Record{Time: t0, Body: body}, nil)
						if err != nil {
							b.Error(err)
							return
						}
						if at%1024 == 0 {
							_ = j.Release(at)
						}
					}
				})
			})
		}
	}
}

func BenchmarkRead(b *testing.B) {
	c := DefaultConfig()
	c.Dir, c.Fsync = b.TempDir(), Off
	j := open(b, c)
	defer shut(b, j)
	body := bytes.Repeat([]byte("span"), 16<<10)
	for range 1000 {
		if _, err := j.Append(b.Context(), Record{Time: t0, Body: body}, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	r := j.Read(0)
	for b.Loop() {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			r = j.Read(0)
		} else if err != nil {
			b.Fatal(err)
		}
	}
}
