// Loaded in front of a server (node --import) that would listen at every address: it listens on loopback.

import net from 'node:net';

const { listen } = net.Server.prototype;
net.Server.prototype.listen = function (port, ...rest) {
  const ready = rest.find((one) => typeof one === 'function');
  return listen.call(this, port, '127.0.0.1', ...(ready ? [ready] : []));
};
