// A front before the server under test, which adds one file to it: browsers load worklets
// past every means of interception that a test has.

import { once } from "node:events";
import { createServer, request } from "node:http";
import { connect } from "node:net";

// Front passes everything on as it comes, WebSockets too, but for the files given by path.
export class Front {
  static async before(base, files) {
    const { hostname, port } = new URL(base);
    const front = new Front();
    front.server = createServer((req, res) => {
      const file = files[req.url];
      if (file) return res.writeHead(200, { "Content-Type": file.type }).end(file.body);
      const on = request({ hostname, port, path: req.url, method: req.method, headers: req.headers }, (from) => {
        res.writeHead(from.statusCode, from.headers);
        from.pipe(res);
      });
      on.on("error", () => res.destroy());
      req.pipe(on);
    });
    front.server.on("upgrade", (req, socket, head) => {
      const on = connect(port, hostname, () => {
        const lines = [`${req.method} ${req.url} HTTP/1.1`];
        for (let i = 0; i < req.rawHeaders.length; i += 2) lines.push(req.rawHeaders[i] + ": " + req.rawHeaders[i + 1]);
        on.write(lines.join("\r\n") + "\r\n\r\n");
        on.write(head);
        on.pipe(socket).pipe(on);
      });
      for (const end of [on, socket]) end.setNoDelay(true).on("error", () => (on.destroy(), socket.destroy()));
    });
    front.server.listen(0, "localhost");
    await once(front.server, "listening");
    front.base = "http://localhost:" + front.server.address().port;
    return front;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
