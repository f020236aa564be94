package prefetch

import "github.com/gorilla/websocket"

// WebSocket adds what reading a message of audio touches, and what writing one does.
func WebSocket(ws *websocket.Conn, reading, writing *Set) {
	Value(reading, ws)
	reading.Behind(ws, aFrame, "br")
	Value(writing, ws)
	writing.Behind(ws, aFrame, "mu")
	writing.Behind(ws, aFrame, "writeBuf")
}
