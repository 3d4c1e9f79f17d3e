package config

import "strings"

// Nearest returns the known path that was probably meant by path, or "" if none is near: the one of as many
// sections with the fewest letters to change, or the only one that ends in the same word.
func Nearest(path string, known []string) string {
	best, least := "", 1+len(path)/4
	for _, k := range known {
		if strings.Count(k, ".") != strings.Count(path, ".") {
			continue
		}
		if d := distance(path, k); d <= least && (best == "" || d < least) {
			best, least = k, d
		}
	}
	if best != "" {
		return best
	}
	word := "." + path[strings.LastIndexByte(path, '.')+1:]
	for _, k := range known {
		if strings.HasSuffix("."+k, word) {
			if best != "" {
				return ""
			}
			best = k
		}
	}
	return best
}

// distance is the Levenshtein distance of a and b in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
