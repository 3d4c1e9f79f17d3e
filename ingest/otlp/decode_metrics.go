package otlp

// countPoints returns how many elements of the innermost lists of m's type a message holds: for a metrics
// request its data points.
func countPoints(data []byte, m *message) (n int, bad *fault) {
	f := fields{in: data}
	for i := 0; f.next(); {
		for j := range m.fields {
			d := &m.fields[j]
			if d.number != f.number {
				continue
			}
			if !f.is(wireBytes) {
				break
			}
			if len(d.message.fields) == 0 {
				n++
				continue
			}
			inner, bad := countPoints(f.data(), d.message)
			if bad != nil {
				return 0, bad.in(d.name, i)
			}
			n += inner
			i++
		}
	}
	return n, f.fault
}
