package media

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

const sentence = "Hello, this is an AI assistant calling on behalf of O'Neill-Smith & Sons."

func TestTheSentenceIsFoundHoweverItIsWritten(t *testing.T) {
	for _, said := range []string{
		sentence,
		"hello this is an ai assistant calling on behalf of oneill smith and sons",
		"HELLO — THIS IS AN A.I. ASSISTANT, CALLING ON BEHALF OF O’NEILL SMITH & SONS!",
		"Good morning! “Hello, this is an AI assistant calling on behalf of O`Neill–Smith and Sons.” How are you?",
		"Hello,\n this\tis an AI\u00a0assistant calling on be\u00adhalf of O Neill Smith ＆ Sons, and",
		"Hello, this is an Al... Hello, this is an AI assistant calling on behalf of O'Neill-Smith & Sons.",
	} {
		if !says(said, sentence) {
			t.Errorf("not found in %q", said)
		}
	}
	for name, said := range map[string]string{
		"Dr. José Muñoz":      "doctor jose mun\u0303oz",
		"Studio 54":           "Studio Fifty-Four",
		"Mr. Strauß":          "Mister STRAUSS",
		"Alex Morgan":         "ALEX  MORGAN",
		"Acme™ Dental, 3":     "Acme Dental Three",
		"您好，我是人工智能助手":         "您好我是人工智能助手我想预约",
		"D’Angelo (Anna)":     "DAngelo, Anna",
		"Unit 104":            "unit 104",
		"Ἀλέξανδρος Γεώργιος": "ΑΛΕΞΑΝΔΡΟΣ ΓΕΩΡΓΙΟΣ",
	} {
		if !says("hello, "+said+" calls", name) {
			t.Errorf("%q not found in %q", name, said)
		}
	}
}

func TestTheSentenceIsMissedWhereAWordIsMissing(t *testing.T) {
	for _, said := range []string{
		"", "...", "Hello!", "Hello, this is an assistant calling on behalf of O'Neill-Smith & Sons.",
		"Hello, this is an AI assistant calling on behalf of O'Neill-Smith & Sonsberg.",
		"Othello, this is an AI assistant calling on behalf of O'Neill-Smith & Sons", // begins within a word
		"Hello, this is an AI assistant calling on behalf of Neill-Smith & Sons",
		"Hello, this is, well, an AI assistant calling on behalf of O'Neill-Smith & Sons.",
		"Hello, this is not an AI assistant calling on behalf of O'Neill-Smith & Sons.",
		strings.Repeat("So. ", mostSaid) + sentence,
	} {
		if says(said, sentence) {
			t.Errorf("found in %.80q", said)
		}
	}
	for _, empty := range []string{"", " ", "?!", "™", "\u0301"} {
		if says("anything "+empty, empty) {
			t.Errorf("%q has no word and is said", empty)
		}
	}
}

func TestSmallNumbersAreSaid(t *testing.T) {
	for word, want := range map[string]string{"0": "zero", "7": "seven", "19": "nineteen", "20": "twenty", "42": "fortytwo", "99": "ninetynine", "100": "100", "07": "07", "-1": "-1", "x": "x"} {
		if got := spoken(word); got != want {
			t.Errorf("%s is said %s, want %s", word, got, want)
		}
	}
}

// plainWord is one that is compared letter by letter, and never two of a different text.
var plainWord = rapid.StringMatching(`[b-df-hj-np-tv-z]{3,8}`)

func TestAnyPunctuationAndCaseAreIgnoredAndAnyMissingWordIsNoticed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfNDistinct(plainWord, 2, 12, rapid.ID).Draw(rt, "words")
		filler := rapid.SliceOfN(rapid.StringMatching(`[aeiou]{2,6}`), 0, 4)
		before, after := filler.Draw(rt, "before"), filler.Draw(rt, "after")
		sep := rapid.SampledFrom([]string{" ", ", ", " — ", "-", "... ", "\n", "\u2009", " “", "!? "})
		write := func(list []string) string {
			var b strings.Builder
			for _, w := range list {
				for _, r := range w {
					if rapid.Bool().Draw(rt, "upper") {
						r = unicode.ToUpper(r)
					}
					b.WriteRune(r)
				}
				b.WriteString(sep.Draw(rt, "sep"))
			}
			return b.String()
		}
		want := strings.Join(list, " ")
		if said := write(slices.Concat(before, list, after)); !says(said, want) {
			rt.Fatalf("%q not found in %q", want, said)
		}
		i := rapid.IntRange(0, len(list)-1).Draw(rt, "gone")
		for what, other := range map[string][]string{
			"a word left out":  slices.Delete(slices.Clone(list), i, i+1),
			"a word put in":    slices.Insert(slices.Clone(list), max(i, 1), "aeiou"),
			"a word exchanged": slices.Replace(slices.Clone(list), i, i+1, "uoiea"),
			"a word longer":    slices.Replace(slices.Clone(list), i, i+1, list[i]+"a"),
		} {
			if said := write(slices.Concat(before, other, after)); says(said, want) {
				rt.Fatalf("%s: %q found in %q", what, want, said)
			}
		}
	})
}

func FuzzDisclosureIsFound(f *testing.F) {
	for _, seed := range [][2]string{
		{sentence, "Good day."}, {"", ""}, {"O’Neill", "\u0301"}, {"您好", "人"}, {"54 & Co.", "fifty"}, {"\xff\xfe", "a"}, {"İı ſß ŉ", "ǅ"}, {"ＡＩ", "½"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, around string) {
		if says(around, text) && len(words(text)) == 0 {
			t.Errorf("%q has no word and is said", text)
		}
		if len(text)+2*len(around)+8 > mostSaid || len(words(text)) == 0 {
			return
		}
		if said := around + " . " + text + " . " + around; !says(said, text) {
			t.Errorf("%q not found in %q", text, said)
		}
	})
}
