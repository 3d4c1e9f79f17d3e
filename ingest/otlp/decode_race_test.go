//go:build race

package otlp

// raceDetector says that the tests run under the race detector, which makes them ten times slower.
const raceDetector = true
