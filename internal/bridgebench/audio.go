package main

import (
	"encoding/base64"
	"strconv"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
)

const (
	frameMS = 20
	usPerMS = 1000
	// longestMS is the longest delta.
	longestMS = 400
	// serialChars is how much of a message's base64 says which it is. Digits are base64 too.
	serialChars = 8

	muBytesPerMS  = pcm.PhoneRate / 1000
	pcmBytesPerMS = 2 * pcm.ModelRate / 1000
)

// muText is mu-law silence in base64, by its length in milliseconds.
var muText = func() (text [longestMS + 1]string) {
	silence := make([]byte, longestMS*muBytesPerMS)
	for i := range silence {
		silence[i] = g711.MuSilence
	}
	for ms := range text {
		text[ms] = base64.StdEncoding.EncodeToString(silence[:ms*muBytesPerMS])
	}
	return text
}()

// pcmText is a tone in 24 kHz PCM; a millisecond of it is 64 characters, whatever
// comes before and after.
var pcmText = base64.StdEncoding.EncodeToString(pcm.Bytes(nil, pcm.Tone(longestMS*pcm.ModelRate/1000, pcm.ModelRate, 440, -12)))

const pcmCharsPerMS = pcmBytesPerMS / 3 * 4

// appendMu appends ms of mu-law in base64, which begins with serial in decimal.
func appendMu(dst []byte, ms, serial int) []byte {
	at := len(dst)
	dst = append(dst, muText[ms]...)
	for i := serialChars - 1; i >= 0; i-- {
		dst[at+i] = '0' + byte(serial%10)
		serial /= 10
	}
	return dst
}

func appendPCM(dst []byte, ms int) []byte { return append(dst, pcmText[:ms*pcmCharsPerMS]...) }

// serialOf reads what appendMu wrote.
func serialOf(text []byte) int {
	n, err := strconv.Atoi(string(text[:min(len(text), serialChars)]))
	if err != nil {
		return -1
	}
	return n
}

// decodedLen is how many bytes base64 stands for.
func decodedLen(text []byte) int64 {
	n := len(text) / 4 * 3
	for i := len(text) - 1; i >= 0 && text[i] == '='; i-- {
		n--
	}
	return int64(n)
}
