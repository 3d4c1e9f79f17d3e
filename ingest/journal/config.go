package journal

import (
	"errors"
	"fmt"
	"time"
)

// When an append is as good as kept. Whatever it is, a record survives the end of the process.
const (
	Always   = "always"   // it is on the disk: it survives a loss of power
	Interval = "interval" // the operating system has it; the disk will within Config.FsyncEvery
	Off      = "off"      // the operating system has it
)

// Config says where the journal is and how much it may hold.
type Config struct {
	Dir          string        `yaml:"dir"`           // folder of the journal; by default journal/N in data_dir, the first that no other process uses
	Fsync        string        `yaml:"fsync"`         // when spans are acknowledged: always, once they are on the disk; interval, once the operating system has them; off, likewise and without ever asking for more
	FsyncEvery   time.Duration `yaml:"fsync_every"`   // with fsync: interval, the longest time that a loss of power can cost
	MaxBytes     int64         `yaml:"max_bytes"`     // on disk; over it senders are asked to come again
	SegmentBytes int64         `yaml:"segment_bytes"` // one file; what is stored is deleted file by file
	KeepFree     int64         `yaml:"keep_free"`     // bytes of the disk that are left to others; with less free, senders are asked to come again
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{Fsync: Always, FsyncEvery: 200 * time.Millisecond, MaxBytes: 4 << 30, SegmentBytes: 64 << 20, KeepFree: 1 << 30}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var errs []error
	switch c.Fsync {
	case Always, Interval, Off:
	default:
		errs = append(errs, fmt.Errorf("journal.fsync is %q and must be always, interval or off", c.Fsync))
	}
	if c.FsyncEvery <= 0 {
		errs = append(errs, errors.New("journal.fsync_every must be positive"))
	}
	if c.SegmentBytes < minSegment {
		errs = append(errs, fmt.Errorf("journal.segment_bytes must be at least %d", minSegment))
	}
	if c.MaxBytes < 2*c.SegmentBytes {
		errs = append(errs, errors.New("journal.max_bytes must be at least twice journal.segment_bytes"))
	}
	if c.KeepFree < 0 {
		errs = append(errs, errors.New("journal.keep_free must not be negative"))
	}
	return errors.Join(errs...)
}

const minSegment = 4 << 10
