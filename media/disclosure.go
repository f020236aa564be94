package media

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// mostSaid bounds the transcript that is searched, in bytes: a greeting is short.
const mostSaid = 16 << 10

// says reports whether transcript contains sentence as consecutive words, ignoring case
// and punctuation (contract section 5, "disclosure"). Where one word ends and the next
// begins within the sentence is ignored too, since it is not heard: the model writes
// "A.I." and "O Neill" for what we wrote "AI" and "O'Neill". A sentence without a word
// is never said.
func says(transcript, sentence string) bool {
	want := strings.Join(words(sentence), "")
	if want == "" {
		return false
	}
	said := words(transcript[:min(len(transcript), mostSaid)])
	all := strings.Join(said, "")
	edges := make([]int, 0, len(said)+1)
	at := 0
	for _, w := range said {
		edges = append(edges, at)
		at += len(w)
	}
	edges = append(edges, at)
	for _, start := range edges {
		if !strings.HasPrefix(all[start:], want) {
			continue
		}
		if _, whole := slices.BinarySearch(edges, start+len(want)); whole {
			return true
		}
	}
	return false
}

// words are those of a text as they are compared: folded case, no accents, no
// punctuation, and signs, titles and small numbers as they are spoken, because a name
// is written by us and spelled by the model.
func words(text string) (list []string) {
	text = norm.NFKD.String(cases.Fold().String(strings.ReplaceAll(text, "™", " ")))
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			list = append(list, spoken(word.String()))
			word.Reset()
		}
	}
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Cf) || strings.ContainsRune(apostrophes, r):
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
			flush() // written without spaces: every letter may be a word's edge
			list = append(list, string(r))
		case unicode.In(r, unicode.Letter, unicode.Number, unicode.Mc):
			word.WriteRune(r)
		default:
			flush()
			if sign, ok := signs[r]; ok {
				list = append(list, sign)
			}
		}
	}
	flush()
	return list
}

// apostrophes join what stands on both sides of them: "O'Neill", "I’m".
const apostrophes = "'‘’‛ʼʹ`′"

var signs = map[rune]string{'&': "and", '+': "plus", '@': "at", '%': "percent"}

var titles = map[string]string{
	"dr": "doctor", "mr": "mister", "mrs": "missus", "prof": "professor", "jr": "junior", "sr": "senior",
}

var ones = [...]string{
	"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
	"thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
}

var tens = [...]string{"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}

// spoken is a word as it is said: "dr" and "54", which the model may spell out.
func spoken(word string) string {
	if title, ok := titles[word]; ok {
		return title
	}
	n, err := strconv.Atoi(word)
	switch {
	case err != nil || strconv.Itoa(n) != word || n < 0 || n > 99:
		return word
	case n < len(ones):
		return ones[n]
	case n%10 == 0:
		return tens[n/10]
	}
	return tens[n/10] + ones[n%10]
}
