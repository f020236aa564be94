package twiliostream

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/media/jsonscan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	streamSID = "MZ0123456789abcdef0123456789abcdef"
	startMsg  = `{"event":"start","sequenceNumber":"1","start":{"streamSid":"` + streamSID + `","accountSid":"AC0123456789abcdef0123456789abcdef","callSid":"CA0123456789abcdef0123456789abcdef","tracks":["inbound"],"customParameters":{"callId":"c1"},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}},"streamSid":"` + streamSID + `"}`
	connected = `{"event":"connected","protocol":"Call","version":"1.0.0"}`
	mediaMsg  = `{"event":"media","sequenceNumber":"2","media":{"track":"inbound","chunk":"1","timestamp":"102","payload":"/////w=="},"streamSid":"` + streamSID + `"}`
	markMsg   = `{"event":"mark","sequenceNumber":"4","streamSid":"` + streamSID + `","mark":{"name":"g0:item:60"}}`
)

func TestDecodeReadsWhatAPhoneSends(t *testing.T) {
	for msg, want := range map[string]Event{
		connected: {Kind: Connected},
		mediaMsg:  {Kind: Media, TimestampMS: 102, Payload: "/////w=="},
		markMsg:   {Kind: Mark, Mark: "g0:item:60"},
		`{"event":"dtmf","streamSid":"` + streamSID + `","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"1"}}`: {Kind: DTMF, Digit: "1"},
		`{"event":"stop","sequenceNumber":"9","stop":{},"streamSid":"` + streamSID + `"}`:                                    {Kind: Stop},
		`{"event":"mood","streamSid":"` + streamSID + `","mood":{"x":[1]}}`:                                                  {Kind: Other},
		`{"event":"media","new":1,"media":{"timestamp":102,"payload":"/w==","x":{}},"streamSid":"` + streamSID + `"}`:        {Kind: Media, TimestampMS: -1, Payload: "/w=="},
		`{"event":"media","media":{"track":"outbound","payload":"/w=="},"streamSid":"` + streamSID + `"}`:                    {Kind: Other},
	} {
		got, err := Decode([]byte(msg), streamSID)
		if err != nil || got.Kind != want.Kind || got.TimestampMS != want.TimestampMS || got.Payload != want.Payload || got.Mark != want.Mark || got.Digit != want.Digit {
			t.Errorf("%s\n got %+v, %v\nwant %+v", msg, got, err, want)
		}
	}
}

func TestDecodeNamesTheFaultAndNotTheContent(t *testing.T) {
	for msg, problem := range map[string]string{
		`{"event":"media","media":{"payload":"secret!"},"streamSid":"` + streamSID + `"}`: "not base64",
		`{"event":"media","media":{},"streamSid":"` + streamSID + `"}`:                    "not base64",
		`{"event":"mark","mark":{},"streamSid":"` + streamSID + `"}`:                      "without a name",
		`{"event":"media","media":{"payload":"/w=="},"streamSid":"MZsecret"}`:             "not this stream's",
		`{"secret":1}`:  "", // no streamSid either
		`{"event":"me`:  "not the JSON",
		`"secret"`:      "not the JSON",
		`{"event":123}`: "not the JSON",
	} {
		_, err := Decode([]byte(msg), streamSID)
		var frame *FrameError
		if !errors.As(err, &frame) || !strings.Contains(err.Error(), problem) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", msg, err)
		}
	}
}

func TestDecodeRefusesAStartThatIsNotOurs(t *testing.T) {
	for _, swap := range [][2]string{
		{"audio/x-mulaw", "audio/x-alaw"},
		{"8000", "16000"},
		{`"channels":1`, `"channels":2`},
		{`"start":{`, `"begin":{`},
		{`},"streamSid":"MZ0`, `},"streamSid":"MZ1`},
	} {
		_, err := Decode([]byte(strings.Replace(startMsg, swap[0], swap[1], 1)), "")
		var start *StartError
		if !errors.As(err, &start) {
			t.Errorf("%s for %s: %v", swap[1], swap[0], err)
		}
	}
}

func TestEncodeKeepsToTheClosedShapes(t *testing.T) {
	full := strings.Repeat("/", 640)
	for want, got := range map[string][]byte{
		`{"event":"media","streamSid":"` + streamSID + `","media":{"payload":"` + full + `"}}`:       AppendMedia(nil, streamSID, full),
		`{"event":"mark","streamSid":"` + streamSID + `","mark":{"name":"g1:item_x:60"}}`:            AppendMark(nil, streamSID, "g1:item_x:60"),
		`{"event":"mark","streamSid":"` + streamSID + `","mark":{"name":"g1:\"\\\u003cü\u003e:60"}}`: AppendMark(nil, streamSID, "g1:\"\\<ü>:60"),
		`{"event":"clear","streamSid":"` + streamSID + `"}`:                                          AppendClear(nil, streamSID),
	} {
		if string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if schema := contract(t, "ServerToTwilio"); schema != nil {
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(got))
			if err == nil {
				err = schema.Validate(v)
			}
			if err != nil {
				t.Errorf("%s: %v", got, err)
			}
		}
	}
}

// contract compiles an entry of the Media Streams schema; nil where it is not at hand.
func contract(t *testing.T, entry string) *jsonschema.Schema {
	t.Helper()
	shared := filepath.Join("..", "..", "..", "shared")
	if _, err := os.Stat(shared); err != nil {
		t.Log("left out: validation against the Media Streams schema")
		return nil
	}
	f, err := os.Open(filepath.Join(shared, "contracts", "twilio-media-streams.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("urn:contract:twilio-media-streams:1", doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("urn:contract:twilio-media-streams:1#/$defs/" + entry)
}

// TestAudioIsWhatMayBePassedOn: as it is, within a JSON string.
func TestAudioIsWhatMayBePassedOn(t *testing.T) {
	strict := regexp.MustCompile(`^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$`)
	try := func(s string) {
		audio, ok := AppendAudio([]byte("before"), s)
		if want := s != "" && strict.MatchString(s) && !strings.HasSuffix(s, "\n"); ok != want {
			t.Fatalf("%q: %v, want %v", s, ok, want)
		} else if raw, _ := base64.StdEncoding.DecodeString(s); ok && (string(audio) != "before"+string(raw) || DecodedLen(s) != len(raw)) {
			t.Errorf("%q: %q, and %d bytes, want %q", s, audio, DecodedLen(s), raw)
		}
	}
	for _, s := range []string{"", "/w==", "//8=", "////", "///", "//\"=", "/w=", "====", "/w==/w==", "////\n", "-_-_"} {
		try(s)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		s := make([]byte, random.IntN(13))
		for i := range s {
			s[i] = "AAAAAAAz/+===\n\r\"\\"[random.IntN(17)]
		}
		try(string(s))
	}
}

// dial opens a stream: conn is our side, phone the peer's.
func dial(t *testing.T, pings time.Duration) (conn *Conn, phone *websocket.Conn) {
	t.Helper()
	got := make(chan *Conn, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		got <- newConn(ws, pings)
	}))
	phone, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	conn = <-got
	t.Cleanup(func() {
		conn.Close()
		phone.Close()
		srv.Close()
	})
	return conn, phone
}

func send(t *testing.T, phone *websocket.Conn, msgs ...string) {
	t.Helper()
	for _, m := range msgs {
		if err := phone.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConnSpeaksWithAPhone(t *testing.T) {
	conn, phone := dial(t, time.Hour)
	if _, err := conn.Read(); !errors.Is(err, ErrNotStarted) {
		t.Errorf("Read before Start: %v", err)
	}
	if err := conn.WriteClear(); !errors.Is(err, ErrNotStarted) {
		t.Errorf("WriteClear before Start: %v", err)
	}
	send(t, phone, connected, startMsg, mediaMsg, `garbage`, markMsg)
	start, err := conn.Start()
	if err != nil || start.StreamSID != streamSID || start.CallSID[:2] != "CA" || start.Parameters["callId"] != "c1" {
		t.Fatalf("%+v, %v", start, err)
	}
	if again, err := conn.Start(); err != nil || again.StreamSID != streamSID {
		t.Errorf("Start again: %+v, %v", again, err)
	}
	if ev, err := conn.Read(); err != nil || ev.Kind != Media {
		t.Errorf("%+v, %v", ev, err)
	}
	var frame *FrameError
	if _, err := conn.Read(); !errors.As(err, &frame) {
		t.Errorf("garbage: %v", err)
	}
	if ev, err := conn.Read(); err != nil || ev.Mark != "g0:item:60" {
		t.Errorf("the stream goes on after garbage: %+v, %v", ev, err)
	}
	for _, write := range []func() error{
		func() error { return conn.WriteMedia("////") }, func() error { return conn.WriteMark("m") }, conn.WriteClear,
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		var msg struct{ Event, StreamSid string }
		if err := phone.ReadJSON(&msg); err != nil || msg.StreamSid != streamSID {
			t.Errorf("%+v, %v", msg, err)
		}
	}
	conn.Close()
	if _, err := conn.Read(); err == nil || errors.As(err, &frame) {
		t.Errorf("Read after Close: %v", err)
	}
}

func TestConnRefusesAStreamOutOfOrder(t *testing.T) {
	for name, msgs := range map[string][]string{
		"start first":        {startMsg},
		"media before start": {connected, mediaMsg},
		"never a start":      strings.Split(strings.Repeat(connected+"\n", maxBeforeStart), "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			conn, phone := dial(t, time.Hour)
			for _, m := range msgs {
				if m != "" {
					send(t, phone, m)
				}
			}
			var start *StartError
			if _, err := conn.Start(); !errors.As(err, &start) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestConnPingsAndAnswersPings(t *testing.T) {
	conn, phone := dial(t, 5*time.Millisecond)
	pinged, ponged := make(chan struct{}, 100), make(chan struct{}, 100)
	phone.SetPingHandler(func(string) error { pinged <- struct{}{}; return nil })
	phone.SetPongHandler(func(string) error { ponged <- struct{}{}; return nil })
	send(t, phone, connected, startMsg)
	if err := phone.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _, _ = conn.Start(); _, _ = conn.Read() }()
	phoneDone := make(chan struct{})
	go func() { defer close(phoneDone); _, _, _ = phone.ReadMessage() }()
	<-pinged
	<-ponged
	conn.Close()
	<-done
	<-phoneDone
}

// short reads a message by the two short ways, the second time by the shape that it learned the
// first time; ok says by how many of them.
func short(msg string) (ev Event, ways int) {
	latest = jsonscan.Latest{} // of other tests' messages it knows nothing
	var d decoder
	f := &frame{}
	if !d.usual([]byte(msg), streamSID, f) {
		return Event{}, 0
	}
	ev = d.event
	ev.Decoded = slices.Clone(ev.Decoded)
	d.event = Event{}
	if d.known([]byte(msg), streamSID, f) && reflect.DeepEqual(d.event, ev) {
		return ev, 2
	}
	return ev, 1
}

// TestTheUsualMessagesTakeTheShortWay: and what the short way reads, the long way reads
// in the same way.
func TestTheUsualMessagesTakeTheShortWay(t *testing.T) {
	for _, msg := range []string{mediaMsg, strings.Replace(mediaMsg, `"chunk":"1"`, `"chunk":""`, 1), strings.Replace(mediaMsg, `"sequenceNumber":"3",`, ``, 1), markMsg, `{"event":"mark","streamSid":"` + streamSID + `","mark":{"name":"x"}}`} {
		got, ways := short(msg)
		want, err := Decode([]byte(strings.Replace(msg, `{"event"`, `{"new":[1],"event"`, 1)), streamSID)
		if ways == 0 || ways == 1 && got.Kind == Media || err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %d; %+v, %v", msg, got, ways, want, err)
		}
	}
	for _, msg := range []string{
		connected, startMsg, mediaMsg + " x", strings.Replace(mediaMsg, "MZ0", "MZ1", 1), strings.Replace(mediaMsg, "inbound", "outbound", 1), strings.Replace(mediaMsg, `"102"`, `102`, 1),
		strings.Replace(mediaMsg, "/////w==", "/////w=", 1), strings.Replace(mediaMsg, `"chunk"`, `"lump"`, 1), strings.Replace(mediaMsg, `"sequenceNumber"`, `"event"`, 1),
		strings.Replace(markMsg, `"name"`, `"nAme"`, 1), strings.Replace(markMsg, "g0:item:60", "", 1), strings.Replace(markMsg, "g0:", `\u0041`, 1), strings.Replace(markMsg, `"}}`, `","x":1}}`, 1),
	} {
		if got, ways := short(msg); ways > 0 {
			t.Errorf("%s was read as %+v", msg, got)
		}
	}
}

// FuzzDecodeUsual: the short way never reads what the long way reads otherwise.
func FuzzDecodeUsual(f *testing.F) {
	f.Add(mediaMsg)
	f.Add(markMsg)
	f.Add(strings.Replace(mediaMsg, `"chunk":"1"`, `"chunk":"`+strings.Repeat("1", 65)+`\n"`, 1))
	var sample decoder
	if !sample.usual([]byte(mediaMsg), streamSID, &frame{}) {
		f.Fatal("the sample is not read")
	}
	f.Fuzz(func(t *testing.T, msg string) {
		check := func(way string, got Event) {
			open := strings.IndexByte(msg, '{')
			want, err := Decode([]byte(msg[:open+1]+`"new":[1],`+msg[open+1:]), streamSID)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s: %+v; %+v, %v", msg, way, got, want, err)
			}
		}
		if got, ways := short(msg); ways > 0 {
			check("by itself", got)
		}
		if sample.known([]byte(msg), streamSID, &frame{}) {
			check("by the shape of the sample", sample.event)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{connected, startMsg, mediaMsg, markMsg, `{"event":"stop"}`, `{}`, `{"event":"media","media":null}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ev, err := Decode(data, "")
		if err != nil {
			var frame *FrameError
			var start *StartError
			if !errors.As(err, &frame) && !errors.As(err, &start) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		if ev.Kind == Media {
			if out := AppendMedia(nil, streamSID, ev.Payload); !json.Valid(out) {
				t.Errorf("a payload that breaks our message: %q", ev.Payload)
			}
		}
		if ev.Kind == Mark && !json.Valid(AppendMark(nil, streamSID, ev.Mark)) {
			t.Errorf("a mark that breaks our message: %q", ev.Mark)
		}
	})
}

func BenchmarkDecodeMedia(b *testing.B) {
	var (
		f frame
		d decoder
	)
	f.text.WriteString(strings.Replace(mediaMsg, "/////w==", base64.StdEncoding.EncodeToString(make([]byte, 160)), 1))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.decode(&f, streamSID); err != nil {
			b.Fatal(err)
		}
	}
}

// TestConnOutlivesWhatIsNoMessageOfItsStream: each is a FrameError, and only a frame
// that no phone sends ends the stream.
func TestConnOutlivesWhatIsNoMessageOfItsStream(t *testing.T) {
	conn, phone := dial(t, time.Hour)
	send(t, phone, connected, startMsg)
	if _, err := conn.Start(); err != nil {
		t.Fatal(err)
	}
	if err := phone.WriteMessage(websocket.BinaryMessage, []byte{0xff, 0}); err != nil {
		t.Fatal(err)
	}
	other := strings.ReplaceAll(mediaMsg, streamSID, strings.Replace(streamSID, "MZ0", "MZ9", 1))
	send(t, phone, `[]`, `{"event":7}`, "\xff", other, strings.Replace(startMsg, "MZ0", "MZ9", 2), `{"event":"stop","streamSid":"MZ9"}`)
	for i := range 7 {
		var frame *FrameError
		if ev, err := conn.Read(); !errors.As(err, &frame) {
			t.Errorf("message %d: %+v, %v", i, ev, err)
		}
	}
	send(t, phone, connected, startMsg, mediaMsg) // said twice: it changes nothing
	for _, want := range []Kind{Connected, Started, Media} {
		if ev, err := conn.Read(); err != nil || ev.Kind != want {
			t.Errorf("%+v, %v", ev, err)
		}
	}
	_ = phone.WriteMessage(websocket.TextMessage, []byte(strings.Repeat(" ", readLimit+1)))
	if _, err := conn.Read(); !errors.Is(err, websocket.ErrReadLimit) {
		t.Errorf("a huge frame ends the stream: %v", err)
	}
}

func TestATimestampBeyondAnyCallIsNone(t *testing.T) {
	for _, ts := range []string{"", "x", "-1", "86400001", "9223372036854775807", "99999999999999999999"} {
		ev, err := Decode([]byte(`{"event":"media","streamSid":"MZ","media":{"track":"inbound","timestamp":"`+ts+`","payload":"////"}}`), "MZ")
		if err != nil || ev.TimestampMS != -1 {
			t.Errorf("%s: %+v, %v", ts, ev, err)
		}
	}
}
