package journal

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	appended, corrupt, torn prometheus.Counter
	syncSeconds             prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, j *Journal) *metrics {
	f := promauto.With(reg)
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "faultline_wal_bytes", Help: "Bytes of the journal on disk.",
	}, func() float64 { return float64(j.Stats().Bytes) })
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "faultline_wal_limit_bytes", Help: "Bytes that the journal may have; over it senders are asked to come again.",
	}, func() float64 { return float64(j.cfg.MaxBytes) })
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "faultline_wal_oldest_seconds", Help: "Age of the oldest record in the journal, stored or not.",
	}, func() float64 {
		if oldest := j.Stats().Oldest; !oldest.IsZero() {
			return time.Since(oldest).Seconds()
		}
		return 0
	})
	return &metrics{
		appended: f.NewCounter(prometheus.CounterOpts{
			Name: "faultline_wal_records_total", Help: "Records written to the journal.",
		}),
		corrupt: f.NewCounter(prometheus.CounterOpts{
			Name: "faultline_wal_corrupt_records_total", Help: "Damaged places in the journal that were skipped and set aside.",
		}),
		torn: f.NewCounter(prometheus.CounterOpts{
			Name: "faultline_wal_torn_records_total", Help: "Records cut off at the start because they had not been written to their end.",
		}),
		syncSeconds: f.NewHistogram(prometheus.HistogramOpts{
			Name: "faultline_wal_fsync_seconds", Help: "Time to put the journal on the disk.", Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
	}
}
