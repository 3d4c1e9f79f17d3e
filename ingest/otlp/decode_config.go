package otlp

import (
	"errors"
	"time"
)

// DecodeConfig bounds what one span may bring along and when it may have happened.
type DecodeConfig struct {
	MaxFuture     time.Duration `yaml:"max_future"`      // spans that start later than this after their arrival are rejected
	MaxAge        time.Duration `yaml:"max_age"`         // spans that began longer ago are rejected: no table keeps them
	MaxAttributes int           `yaml:"max_attributes"`  // attributes read per resource, span or event
	MaxKeyBytes   int           `yaml:"max_key_bytes"`   // longest attribute key read
	MaxValueBytes int           `yaml:"max_value_bytes"` // attribute values are cut to this length
	MaxEvents     int           `yaml:"max_events"`      // events read per span, the first ones
	MaxLinks      int           `yaml:"max_links"`       // links kept per span, the first ones
	MaxWeight     float64       `yaml:"max_weight"`      // largest sampling weight believed
}

// DefaultDecodeConfig returns the defaults.
func DefaultDecodeConfig() DecodeConfig {
	return DecodeConfig{
		MaxFuture: 10 * time.Minute, MaxAge: 400 * 24 * time.Hour,
		MaxAttributes: 128, MaxKeyBytes: 256, MaxValueBytes: 4 << 10, MaxEvents: 128, MaxLinks: 128,
		MaxWeight: 10_000,
	}
}

// Validate reports every mistake in the settings.
func (c DecodeConfig) Validate() error {
	var errs []error
	positive := func(ok bool, key string) {
		if !ok {
			errs = append(errs, errors.New("decode."+key+" must be positive"))
		}
	}
	positive(c.MaxFuture > 0, "max_future")
	positive(c.MaxAge > 0, "max_age")
	positive(c.MaxAttributes > 0, "max_attributes")
	positive(c.MaxKeyBytes > 0, "max_key_bytes")
	positive(c.MaxValueBytes > 0, "max_value_bytes")
	positive(c.MaxEvents > 0, "max_events")
	positive(c.MaxLinks > 0, "max_links")
	if c.MaxWeight < 1 {
		errs = append(errs, errors.New("decode.max_weight must be at least 1"))
	}
	return errors.Join(errs...)
}
