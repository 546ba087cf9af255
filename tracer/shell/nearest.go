package shell

import "strings"

// Nearest is the known word that word was most likely meant to be, "" when none is near.
func Nearest(word string, known []string) string {
	letters := len(strings.TrimLeft(word, "-"))
	best, least := "", (letters+1)/2+1
	if letters < 2 {
		least = 1
	}
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to insert, drop or change to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
