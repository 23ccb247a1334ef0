package cloudconfig

import "strings"

// Nearest is the known word that was probably meant by a mistyped one, or ""
// when none is near. Of equally near words the first counts.
func Nearest(word string, known []string) string {
	best, bestDistance := "", len(word)/3+1
	for _, k := range known {
		if len(k)-len(word) > bestDistance || len(word)-len(k) > bestDistance {
			continue // cannot be near
		}
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d <= bestDistance && (best == "" || d < bestDistance) {
			best, bestDistance = k, d
		}
	}
	return best
}
