package speech

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed clips/*.tsv clips/*.ulaw
var recorded embed.FS

// pack is the vocabulary of one voice: phrase to mu-law clip.
type pack struct {
	clips map[string][]byte
	words int // in the longest phrase
}

var (
	agentPack  = sync.OnceValues(func() (*pack, error) { return readPack(Agent) })
	calleePack = sync.OnceValues(func() (*pack, error) { return readPack(Callee) })
)

func packOf(voice Voice) (*pack, error) {
	switch voice {
	case Agent:
		return agentPack()
	case Callee:
		return calleePack()
	}
	return nil, fmt.Errorf("no voice %q was recorded: use speech.Agent or speech.Callee", voice)
}

func readPack(voice Voice) (*pack, error) {
	index, err := recorded.ReadFile("clips/" + string(voice) + ".tsv")
	if err != nil {
		return nil, fmt.Errorf("clips of voice %s: %w", voice, err)
	}
	audio, err := recorded.ReadFile("clips/" + string(voice) + ".ulaw")
	if err != nil {
		return nil, fmt.Errorf("clips of voice %s: %w", voice, err)
	}
	p := &pack{clips: make(map[string][]byte)}
	for line := range strings.Lines(string(index)) {
		phrase, clip, err := cut(strings.TrimSpace(line), audio)
		if err != nil {
			return nil, fmt.Errorf("clips of voice %s, %q: %w: run record.sh", voice, line, err)
		}
		p.clips[phrase] = clip
		p.words = max(p.words, len(strings.Fields(phrase)))
	}
	return p, nil
}

func cut(line string, audio []byte) (string, []byte, error) {
	fields := strings.Split(line, "\t")
	if len(fields) != 3 {
		return "", nil, fmt.Errorf("%d fields instead of 3", len(fields))
	}
	offset, err := strconv.Atoi(fields[1])
	if err != nil {
		return "", nil, fmt.Errorf("offset: %w", err)
	}
	size, err := strconv.Atoi(fields[2])
	if err != nil {
		return "", nil, fmt.Errorf("length: %w", err)
	}
	if offset < 0 || size <= 0 || offset+size > len(audio) {
		return "", nil, fmt.Errorf("outside the %d bytes recorded", len(audio))
	}
	return fields[0], audio[offset : offset+size : offset+size], nil
}

// longest returns the clip of the longest phrase at the start of tokens and its number of words, or
// nil and 0.
func (p *pack) longest(tokens []token) ([]byte, int) {
	for n := min(p.words, len(tokens)); n > 0; n-- {
		words := make([]string, n)
		for i, t := range tokens[:n] {
			words[i] = t.word
		}
		if clip, ok := p.clips[strings.Join(words, " ")]; ok {
			return clip, n
		}
	}
	return nil, 0
}
