package call

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var testSecret = []byte("a secret")

func TestAStreamTokenSaysWhatWasSignedUntilItExpires(t *testing.T) {
	want := StreamToken{CallID: "abc_-1", Attempt: 2, Expires: t0.Add(time.Minute)}
	s := want.Sign(testSecret)
	if s != want.Sign(testSecret) {
		t.Error("the token does not repeat")
	}
	got, err := ParseStreamToken(s, testSecret, t0)
	if err != nil || got != want {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := ParseStreamToken(s, testSecret, t0.Add(time.Minute)); !errors.Is(err, ErrTokenExpired) {
		t.Errorf("at its expiry: %v", err)
	}
}

func TestAForgedStreamTokenIsRefused(t *testing.T) {
	tok := StreamToken{CallID: "abc", Attempt: 1, Expires: t0.Add(time.Minute)}
	s := tok.Sign(testSecret)
	other := StreamToken{CallID: "abd", Attempt: 1, Expires: tok.Expires}.Sign(testSecret)
	mac := s[strings.LastIndexByte(s, '.'):]
	for name, forged := range map[string]string{
		"empty": "", "no mac": "abc.1.99", "another secret": tok.Sign([]byte("other")),
		"another call": strings.Replace(s, "abc", "abd", 1), "another attempt": strings.Replace(s, ".1.", ".2.", 1),
		"mac of another call": s[:strings.LastIndexByte(s, '.')] + other[strings.LastIndexByte(other, '.'):],
		"cut":                 s[:len(s)-1], "too long": strings.Repeat("a", 300) + mac, "signed nonsense": "nonsense." + streamMAC(testSecret, "nonsense"),
		"signed letters": "a.b.c." + streamMAC(testSecret, "a.b.c"),
	} {
		if _, err := ParseStreamToken(forged, testSecret, t0); !errors.Is(err, ErrBadToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseStreamToken(f *testing.F) {
	good := StreamToken{CallID: "abc", Attempt: 1, Expires: t0.Add(time.Minute)}.Sign(testSecret)
	for _, seed := range []string{good, "", ".", "...", good + ".", "a.1.2." + streamMAC(testSecret, "a.1.2")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tok, err := ParseStreamToken(s, testSecret, t0)
		if err == nil && tok.Sign(testSecret) != s {
			t.Fatalf("%q was taken and is not what we sign for %+v", s, tok)
		}
	})
}
