// The inside of a network of its own: a process that lives in the network namespace and whose namespace it is.
// network.mjs starts it. What a test has outside it reaches over Unix sockets, which belong to no network.
//
//   node network_inside.mjs '{"up":[{"host":"::","port":443,"path":"/…/443"}],
//                             "down":[{"path":"/…/port","port":4000}],
//                             "names":{"api.example":{"A":["127.0.0.1"]},"gone.example":"nxdomain"}}'
//
// `up`: connections to that address are connections to the socket outside. `down`: the other way round, to
// 127.0.0.1 in here. `names`: what the name server at 127.0.0.1 knows (RFC 1035): addresses by type, 'nxdomain',
// 'servfail', 'silent' (it never answers); a type that is missing is an empty answer. Prints "ready" and lives
// until its standard input closes.

import dgram from 'node:dgram';
import net from 'node:net';

const { up = [], down = [], names } = JSON.parse(process.argv[2]);

function pipe(from, to) {
  const server = net.createServer((near) => {
    const far = net.connect(to);
    near.pipe(far).pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ])
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(from, resolve);
  });
}

const TYPES = { 1: 'A', 28: 'AAAA' };
const RCODES = { servfail: 2, nxdomain: 3 };

/// The address as the bytes of a record.
function address(text) {
  if (!text.includes(':')) return Buffer.from(text.split('.').map(Number));
  const [head, tail = ''] = text.split('::');
  const words = (part) => (part === '' ? [] : part.split(':').map((word) => parseInt(word, 16)));
  const zeros = new Array(8 - words(head).length - words(tail).length).fill(0);
  const bytes = Buffer.alloc(16);
  [...words(head), ...zeros, ...words(tail)].forEach((word, at) =>
    bytes.writeUInt16BE(word, 2 * at),
  );
  return bytes;
}

/// The reply to a query of one question; null for none.
function reply(query) {
  const labels = [];
  let at = 12;
  for (; query[at] !== 0; at += 1 + query[at])
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
  const question = query.subarray(12, at + 5);
  const known = names[labels.join('.').toLowerCase()] ?? 'nxdomain';
  if (known === 'silent') return null;
  const records = (known[TYPES[query.readUInt16BE(at + 1)]] ?? []).map((text) => {
    const data = address(text);
    const head = Buffer.from(
      'c00c' + question.subarray(-4).toString('hex') + '0000003c0000',
      'hex',
    );
    head.writeUInt16BE(data.length, 10);
    return Buffer.concat([head, data]);
  });
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8580 | (RCODES[known] ?? 0), 2); // an answer, from who knows
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, question, ...records]);
}

if (names) {
  const server = dgram.createSocket('udp4');
  server.on('message', (query, { address: host, port }) => {
    const bytes = reply(query);
    if (bytes) server.send(bytes, port, host);
  });
  await new Promise((resolve) => server.bind(53, '127.0.0.1', resolve));
}
await Promise.all([
  ...up.map(({ host, port, path }) => pipe({ host, port, ipv6Only: true }, { path })),
  ...down.map(({ path, port }) => pipe({ path }, { host: '127.0.0.1', port })),
]);
process.stdout.write('ready\n');
process.stdin.on('end', () => process.exit(0)).resume();
