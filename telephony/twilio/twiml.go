package twilio

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"

	"github.com/clawdbot/call-agent/call"
)

// What is said without the agent. Neither names anybody.
const (
	apologyWords = "We are sorry, we cannot go on with this call because of a technical problem. Goodbye."
	inboundWords = "This number belongs to an automated assistant that calls on behalf of others. It cannot take calls. Goodbye."
)

// The elements of TwiML that we use. Structs, unlike twilio-go's twiml package, keep
// the order of attributes (research section 8).
type twiml struct {
	XMLName xml.Name  `xml:"Response"`
	Say     string    `xml:"Say,omitempty"`
	Connect *connect  `xml:"Connect"`
	Hangup  *struct{} `xml:"Hangup"`
}

type connect struct {
	Action string `xml:"action,attr"`
	Method string `xml:"method,attr"`
	Stream stream `xml:"Stream"`
}

type stream struct {
	URL       string      `xml:"url,attr"`
	Parameter []parameter `xml:"Parameter"`
}

type parameter struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

// VoiceResponse renders the TwiML of contract section 2. Nothing follows <Connect>:
// what comes after the stream is decided by the record, when its action is requested.
func (p *Provider) VoiceResponse(v call.VoiceReply) (string, []byte, error) {
	doc, err := document(v)
	if err != nil {
		return "", nil, fmt.Errorf("twilio: voice response: %w", err)
	}
	body, err := xml.Marshal(doc)
	if err != nil {
		return "", nil, fmt.Errorf("twilio: voice response: %w", err)
	}
	return "text/xml; charset=utf-8", append([]byte(xml.Header), body...), nil
}

func document(v call.VoiceReply) (twiml, error) {
	down := &struct{}{}
	switch v.Kind {
	case call.VoiceHangUp:
		return twiml{Hangup: down}, nil
	case call.VoiceApology:
		return twiml{Say: apologyWords, Hangup: down}, nil
	case call.VoiceInbound:
		return twiml{Say: inboundWords, Hangup: down}, nil
	case call.VoiceConnect:
		if v.StreamURL == "" || v.AfterURL == "" {
			return twiml{}, errors.New("a call cannot be connected without a stream URL; configure stream.hosts or server.publicBaseUrl")
		}
		s := stream{URL: v.StreamURL, Parameter: []parameter{{Name: "callId", Value: string(v.CallID)}}}
		return twiml{Connect: &connect{Action: v.AfterURL, Method: http.MethodPost, Stream: s}}, nil
	}
	return twiml{}, fmt.Errorf("unknown kind of reply %d", v.Kind)
}
