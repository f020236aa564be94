package main

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"net/http"
	"os"
	"path"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
)

// The limit is what any bridge over gorilla/websocket has to do at least: move the
// base64 payload from one JSON envelope into the other, and in pcm resample it. It
// checks nothing, bounds nothing, knows no marks and no conversation, and finds the
// payload by its key. Nothing that does less carries a call; what a bridge needs
// beyond it is the price of everything else that it does.
type limit struct {
	model    string
	format   string
	trust    *tls.Config
	upgrader websocket.Upgrader
}

// runLimit serves until the process is ended.
func runLimit(listen, model, format string, secure bool) error {
	l := &limit{model: model, format: format}
	server := &http.Server{Handler: l, ReadHeaderTimeout: 5 * time.Second}
	socket, err := listenOn(listen)
	if err != nil {
		return err
	}
	if secure {
		l.trust, err = trusting(os.Getenv("SSL_CERT_FILE"))
		if err == nil {
			err = server.ServeTLS(socket, os.Getenv("SSL_CERT_FILE"), os.Getenv("BENCH_KEY_FILE"))
		}
		return err
	}
	return server.Serve(socket)
}

// ServeHTTP carries one call; the last part of the path is its number.
func (l *limit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	phone, err := l.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer phone.Close()
	dialer := websocket.Dialer{TLSClientConfig: l.trust}
	model, _, err := dialer.Dial(l.model, nil) //nolint:bodyclose // gorilla: the answer of an upgrade needs no closing
	if err != nil {
		return
	}
	defer model.Close()
	if _, _, err = model.ReadMessage(); err != nil {
		return
	}
	update := `{"type":"session.update","session":{"instructions":"` + path.Base(r.URL.Path) + ` ` + speakAtOnce + `"}}`
	if model.WriteMessage(websocket.TextMessage, []byte(update)) != nil {
		return
	}
	if _, _, err = model.ReadMessage(); err != nil {
		return
	}
	sid := make(chan []byte, 1)
	go func() { defer model.Close(); l.up(phone, model, sid) }()
	l.down(model, phone, sid)
}

// up moves the callee's audio.
func (l *limit) up(phone, model *websocket.Conn, sid chan<- []byte) {
	var (
		in             bytes.Buffer
		out, law, wide []byte
		narrow, linear []int16
		rate           pcm.Interpolator
	)
	for {
		message, err := read(phone, &in)
		if err != nil {
			return
		}
		text := value(message, `"payload":"`)
		if text == nil {
			if bytes.Contains(message, []byte(`"event":"start"`)) {
				sid <- bytes.Clone(value(message, `"streamSid":"`))
			}
			continue
		}
		out = append(out[:0], `{"type":"input_audio_buffer.append","audio":"`...)
		if l.format == pcmu {
			out = append(out, text...)
		} else {
			law, _ = base64.StdEncoding.AppendDecode(law[:0], text)
			narrow = g711.DecodeMu(narrow[:0], law)
			linear = rate.Process(linear[:0], narrow)
			wide = pcm.Bytes(wide[:0], linear)
			out = base64.StdEncoding.AppendEncode(out, wide)
		}
		if model.WriteMessage(websocket.TextMessage, append(out, `"}`...)) != nil {
			return
		}
	}
}

// down moves the model's.
func (l *limit) down(model, phone *websocket.Conn, sid <-chan []byte) {
	var (
		in             bytes.Buffer
		out, wide, law []byte
		linear, narrow []int16
		rate           pcm.Decimator
		stream         = <-sid
	)
	for {
		message, err := read(model, &in)
		if err != nil {
			return
		}
		text := value(message, `"delta":"`)
		if text == nil {
			continue
		}
		out = append(append(append(out[:0], `{"event":"media","streamSid":"`...), stream...), `","media":{"payload":"`...)
		if l.format == pcmu {
			out = append(out, text...)
		} else {
			wide, _ = base64.StdEncoding.AppendDecode(wide[:0], text)
			linear = pcm.Samples(linear[:0], wide)
			narrow = rate.Process(narrow[:0], linear)
			law = g711.EncodeMu(law[:0], narrow)
			out = base64.StdEncoding.AppendEncode(out, law)
		}
		if phone.WriteMessage(websocket.TextMessage, append(out, `"}}`...)) != nil {
			return
		}
	}
}

// read reads a message into a buffer that is used again.
func read(ws *websocket.Conn, into *bytes.Buffer) ([]byte, error) {
	_, r, err := ws.NextReader()
	if err != nil {
		return nil, err
	}
	into.Reset()
	_, err = into.ReadFrom(r)
	return into.Bytes(), err
}
