package twiliostream

import (
	"encoding/base64"
	"encoding/json"
)

// MaxMediaBytes is the most audio one media message of ours holds: 60 ms, which is
// 640 base64 characters and no padding (architecture, "Media rules").
const MaxMediaBytes = 480

// AppendMedia appends a media message to dst: payload is base64 and is copied as it
// is. The shapes are closed: Twilio warns (31951) of any field beyond these.
func AppendMedia(dst []byte, streamSID, payload string) []byte {
	return append(append(appendBefore(dst, streamSID), payload...), afterPayload...)
}

// appendBefore appends what stands before the payload; afterPayload is the rest.
func appendBefore(dst []byte, streamSID string) []byte {
	dst = append(dst, `{"event":"media","streamSid":`...)
	dst = appendString(dst, streamSID)
	return append(dst, `,"media":{"payload":"`...)
}

const afterPayload = `"}}`

// AppendMark appends a mark message to dst. It comes back when everything sent
// before it was played, or at once when the buffer is cleared.
func AppendMark(dst []byte, streamSID, name string) []byte {
	dst = append(dst, `{"event":"mark","streamSid":`...)
	dst = appendString(dst, streamSID)
	dst = append(dst, `,"mark":{"name":`...)
	dst = appendString(dst, name)
	return append(dst, `}}`...)
}

// AppendClear appends a clear message to dst: the phone forgets what it has not
// played and returns all pending marks at once.
func AppendClear(dst []byte, streamSID string) []byte {
	dst = append(dst, `{"event":"clear","streamSid":`...)
	dst = appendString(dst, streamSID)
	return append(dst, '}')
}

// appendString appends s as a JSON string. Identifiers need no escaping, which is
// found out without a call to the encoder.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			quoted, _ := json.Marshal(s) // a string always has a JSON form
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// AppendAudio appends what s stands for to dst. False if s is anything but non-empty, padded
// standard base64 without line breaks: what may be passed on inside a JSON string as it is.
func AppendAudio(dst []byte, s string) (_ []byte, ok bool) {
	from := len(dst)
	dst, err := base64.StdEncoding.AppendDecode(dst, []byte(s))
	// The decoder passes over line breaks: then there is less than the length says.
	return dst, err == nil && len(s) > 0 && len(s)%4 == 0 && len(dst)-from == DecodedLen(s)
}

// DecodedLen is the number of bytes that valid, padded base64 stands for.
func DecodedLen(s string) int {
	n := len(s)
	if n < 4 {
		return 0
	}
	pad := 0
	if s[n-1] == '=' {
		pad++
		if s[n-2] == '=' {
			pad++
		}
	}
	return base64.StdEncoding.DecodedLen(n) - pad
}
