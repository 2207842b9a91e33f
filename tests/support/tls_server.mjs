// TLS servers for the tests of the HTTP client: node tls_server.mjs CERTIFICATES
// CERTIFICATES is a directory made by simulator/make_certs.sh. Prints one line of JSON with the port of
// each server, then one line per event. Ends with its standard input.
import fs from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';

const directory = process.argv[2];
const pair = (name) => ({
  cert: fs.readFileSync(path.join(directory, `${name}.pem`)),
  key: fs.readFileSync(path.join(directory, `${name}.key`)),
});
const event = (text) => process.stdout.write(text + '\n');
const endless = Buffer.alloc(64 << 10, 'x');

function answerHttp2(stream, headers) {
  const path = headers[':path'];
  event(`request ${path}`);
  stream.on('error', () => {});
  stream.on('close', () => event(`end ${path} ${stream.rstCode}`));
  // A query tells one test's streams from another's, which may still be ending.
  switch (path.split('?')[0]) {
    case '/stall':  // begins to answer and never ends
      stream.respond({ ':status': 200 });
      stream.write('begun');
      return;
    case '/silent':
      return;
    case '/vanish':  // the connection is gone without a word
      stream.session.destroy();
      return;
    case '/refused':
      stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      return;
    case '/broken':  // an error in the middle
      stream.respond({ ':status': 200 });
      stream.write('begun', () => stream.destroy(new Error('on purpose')));
      return;
    case '/endless': {
      stream.respond({ ':status': 200 });
      let sent = 0;
      const more = () => {
        while (sent < 256 << 20) {
          sent += endless.length;
          if (!stream.write(endless)) break;
        }
        event(`sent ${sent}`);
      };
      stream.on('drain', more);
      more();
      return;
    }
    case '/echo': {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
      return;
    }
    case '/headers': {  // far more than anybody needs
      const many = { ':status': 200 };
      for (let i = 0; i < 300; ++i) many[`x-header-${i}`] = 'v';
      stream.respond(many, { endStream: true });
      return;
    }
    case '/early':  // says no before it has read the body
      stream.respond({ ':status': 413 });
      stream.end('too large');
      return;
    default:
      stream.resume();
      stream.on('end', () => {
        stream.respond({ ':status': 200, 'x-protocol': 'h2' });
        stream.end(path);
      });
  }
}

function secure(name, maxConcurrentStreams = 200) {
  const server = http2.createSecureServer({ ...pair(name), settings: { maxConcurrentStreams } });
  server.on('session', (session) => {
    event('session');
    session.on('error', () => {});
  });
  server.on('stream', answerHttp2);
  server.on('tlsClientError', () => {});
  return server;
}

const servers = {
  good: secure('good'),
  few: secure('good', 10), // streams at a time
  expired: secure('expired'),
  wrong_name: secure('wrong_name'),
  untrusted: secure('untrusted'),
  http1: https.createServer(pair('good'), (request, response) => response.end(request.url)),
  // Says more than it was asked for, a little later.
  http1_extra: tls.createServer(pair('good'), (socket) => {
    socket.on('error', () => {});
    socket.on('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi');
      setImmediate(() => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
      });
    });
    socket.on('close', () => event('extra gone'));
  }),
  old: tls.createServer({ ...pair('good'), minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
  // Take the connection and never shake hands, or hang up.
  mute: net.createServer((socket) => socket.on('error', () => {})),
  hang_up: net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.destroy());
  }),
};

const ports = {};
for (const [name, server] of Object.entries(servers)) {
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  ports[name] = server.address().port;
}
event(JSON.stringify(ports));
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
