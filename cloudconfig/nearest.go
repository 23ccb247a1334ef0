package cloudconfig

import "strings"

// Nearest is the known word that was probably meant by a mistyped one, or ""
// when none is near. Of equally near words the first counts.
func Nearest(word string, known []string) string {
	best, bestDistance := "", len(word)/3+1
	word = strings.ToLower(word)
	for _, k := range known {
		if d := distance(word, strings.ToLower(k), bestDistance); d < bestDistance || d == bestDistance && best == "" {
			best, bestDistance = k, d
		}
	}
	return best
}

const longestWord = 64

// distance is the number of letters to add, remove, change or swap with their
// neighbour to make b of a; where it is more than limit, something more than
// limit. Words that are longer than any known one are far.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit || max(len(a), len(b)) > longestWord {
		return limit + 1
	}
	var rows [3][longestWord + 1]int // those of the last three letters of a
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > limit+1 { // a swap may still take one off
			return limit + 1
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
