// Networks of their own for tests: Linux namespaces in which links can fail and names can be unknown. Whoever may
// not make them (neither root nor allowed to have user namespaces, no iproute2) finds the reason in `cannot`.
//
//   const network = await Network.open({ up: [{ host: '10.9.0.1', port: 3128, path }] });
//   const port = await open_port({ wrap: network.wrap, port: network.port, … });
//   network.ip('link', 'set', 'wire', 'down');
//   await network.close();
//
// The tests themselves stay outside. See network_inside.mjs for what is inside.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { in_time } from './harness.mjs';

const INSIDE = fileURLToPath(new URL('./network_inside.mjs', import.meta.url));
// Without root one is root in a user namespace only.
const as_root = process.getuid?.() === 0 ? [] : ['--map-root-user'];
const keep_user = as_root.length > 0 ? ['--user', '--preserve-credentials'] : [];

const tried = spawnSync(
  'unshare',
  [
    ...as_root,
    '--net',
    '--mount',
    ...['sh', '-c', 'ip link set lo up && ip link add one type veth peer name two'],
  ],
  { encoding: 'utf8' },
);
/// Why no network can be made here; false when one can.
export const cannot =
  tried.status === 0
    ? false
    : `no network namespaces: ${(tried.stderr ?? String(tried.error)).trim() || 'unshare fails'}`;

const open = new Set();
process.on('exit', () => {
  for (const one of open) one.remove_();
});

export class Network {
  /// `up` and `names`: see network_inside.mjs. `door`: `network.port` is a free port of 127.0.0.1 in here and
  /// outside, and connections there come in here. `setup`: shell commands, run in here first. `within`: the
  /// network that a wire() is to come from.
  static async open({ up = [], names, door = true, setup = '', within } = {}) {
    const network = new Network();
    network.folder = mkdtempSync(join(tmpdir(), 'jumpseat-net-'));
    open.add(network);
    const down = [];
    if (door) {
      // The number is free outside, and in here everything is.
      const path = join(network.folder, 'door');
      network.door_ = net.createServer((near) => {
        const far = net.connect({ path });
        near.pipe(far).pipe(near);
        for (const [one, other] of [
          [near, far],
          [far, near],
        ])
          one.on('error', () => other.destroy()).on('close', () => other.destroy());
      });
      await new Promise((resolve) => network.door_.listen(0, '127.0.0.1', resolve));
      network.port = network.door_.address().port;
      down.push({ path, port: network.port });
    }
    const mounts = names === undefined ? [] : network.resolver_files_();
    const script = [
      'set -e',
      'ip link set lo up',
      ...mounts.map(([file, over]) => `mount --bind '${file}' ${over}`),
      setup,
      'exec "$@"',
    ].join('\n');
    const config = JSON.stringify({ up, down, names });
    const command = [
      // A network within another belongs to the same user, and both may have ends of one cable.
      ...(within ? [...within.wrap, 'unshare'] : ['unshare', ...as_root]),
      ...['--net', '--mount', 'sh', '-c', script, 'sh', process.execPath, INSIDE, config],
    ];
    network.child_ = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    network.child_.stderr.setEncoding('utf8').on('data', (text) => (said += text));
    const ready = new Promise((resolve, reject) => {
      network.child_.stdout.once('data', resolve);
      network.child_.once('error', reject);
      network.child_.once('exit', () => reject(new Error(`the network ended: ${said}`)));
    });
    await in_time(ready, 'the network', { seen: () => said });
    return network;
  }

  /// Files that say: ask the name server of this network, and nothing else.
  resolver_files_() {
    return [
      ['hosts', '127.0.0.1 localhost\n::1 localhost\n'],
      ['resolv.conf', 'nameserver 127.0.0.1\n'],
      ['nsswitch.conf', 'hosts: files dns\n'],
    ].map(([name, text]) => {
      writeFileSync(join(this.folder, name), text);
      return [join(this.folder, name), `/etc/${name}`];
    });
  }

  /// What to put in front of a program that is to run in here.
  get wrap() {
    return ['nsenter', '--target', String(this.child_.pid), ...keep_user, '--net', '--mount'];
  }

  /// `ip` in here; fails when it does.
  ip(...args) {
    const [program, ...rest] = [...this.wrap, 'ip', ...args];
    const { status, stderr } = spawnSync(program, rest, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
  }

  /// A cable from `name` in here to `its_name` over there, with these addresses ("10.9.0.2/24"), both ends up.
  wire(name, address, other, its_name, its_address) {
    this.ip(
      ...['link', 'add', name, 'type', 'veth', 'peer', 'name', its_name],
      ...['netns', String(other.child_.pid)],
    );
    for (const [end, its_end, at] of [
      [this, name, address],
      [other, its_name, its_address],
    ]) {
      end.ip('address', 'add', at, 'dev', its_end);
      end.ip('link', 'set', its_end, 'up');
    }
  }

  async close() {
    const gone = new Promise((resolve) => this.child_.once('exit', resolve));
    this.child_.stdin.end();
    await in_time(gone, 'the end of the network');
    this.remove_();
  }

  remove_() {
    open.delete(this);
    this.child_?.kill('SIGKILL');
    this.door_?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
