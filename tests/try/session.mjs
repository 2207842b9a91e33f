// session.mjs PROGRAM QUESTION: one editor session with the real program, told in plain words.
//
// ./try runs it. It starts the GitHub simulator and `PROGRAM --stdio`, signs in with the device
// flow, asks the question and prints each piece of the answer as it arrives. Only Node's own modules;
// the JSON-RPC below is all that an editor needs to speak to Jumpseat.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PATIENCE_MS = 60_000;
const SIMULATOR = fileURLToPath(new URL('../simulator/main.mjs', import.meta.url));

const say = (text) => process.stdout.write(`${text}\n`);
const sent = (text) => say(`   --> ${text}`);
const received = (text) => say(`   <-- ${text}`);

// The client half of JSON-RPC over a child's stdin and stdout, framed as LSP frames it.
class Connection {
  #child;
  #buffer = Buffer.alloc(0);
  #waiting = new Map();
  #next_id = 1;
  #on_notification;

  constructor(child, on_notification) {
    this.#child = child;
    this.#on_notification = on_notification;
    child.stdout.on('data', (bytes) => this.#read(bytes));
    child.stdin.on('error', () => {}); // the exit of the child says more
    child.on('exit', (code, signal) =>
      this.#give_up(new Error(`jumpseat ended early (${signal ?? `exit code ${code}`})`)),
    );
  }

  request(method, params) {
    const id = this.#next_id++;
    this.#write({ jsonrpc: '2.0', id, method, params });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no answer to ${method} within ${PATIENCE_MS / 1000} s`)),
        PATIENCE_MS,
      );
      this.#waiting.set(id, { method, resolve, reject, timer });
    });
  }

  notify(method, params) {
    this.#write({ jsonrpc: '2.0', method, params });
  }

  #write(message) {
    const body = Buffer.from(JSON.stringify(message));
    this.#child.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
    this.#child.stdin.write(body);
  }

  #read(bytes) {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    for (;;) {
      const head_end = this.#buffer.indexOf('\r\n\r\n');
      if (head_end < 0) return;
      const head = this.#buffer.toString('latin1', 0, head_end);
      const length = Number(/content-length: *(\d+)/i.exec(head)?.[1]);
      const end = head_end + 4 + length;
      if (Number.isNaN(length)) throw new Error(`not a frame: ${head}`);
      if (this.#buffer.length < end) return;
      const message = JSON.parse(this.#buffer.toString('utf8', head_end + 4, end));
      this.#buffer = this.#buffer.subarray(end);
      this.#handle(message);
    }
  }

  #handle(message) {
    if (message.method !== undefined && message.id !== undefined) {
      const error = { code: -32601, message: 'this client answers no requests' };
      this.#write({ jsonrpc: '2.0', id: message.id, error });
    } else if (message.method !== undefined) {
      this.#on_notification(message.method, message.params);
    } else {
      const call = this.#waiting.get(message.id);
      if (call === undefined) return;
      this.#waiting.delete(message.id);
      clearTimeout(call.timer);
      if (message.error === undefined) call.resolve(message.result);
      else call.reject(new Error(`${call.method}: ${message.error.message}`));
    }
  }

  #give_up(error) {
    for (const call of this.#waiting.values()) {
      clearTimeout(call.timer);
      call.reject(error);
    }
    this.#waiting.clear();
  }
}

async function start_simulator() {
  const options = ['--quick', '--person', 'auto', '--word-ms', '40', '--until-stdin-closes'];
  const child = spawn(process.execPath, [SIMULATOR, ...options], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the simulator did not start (exit code ${code})`)));
  });
  return { child, ...JSON.parse(line) };
}

function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', resolve));
}

async function session(program, question, children) {
  const simulator = await start_simulator();
  children.push(simulator.child);
  say(`A simulated GitHub is listening at ${simulator.url}; a simulated person will approve the sign-in.`);

  say('\nStarting `jumpseat --stdio`, as an editor does:\n');
  const server = spawn(program, ['--stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...simulator.env },
  });
  children.push(server);
  await new Promise((resolve, reject) => server.once('spawn', resolve).once('error', reject));

  let pieces = 0;
  let status;
  const connection = new Connection(server, (method, params) => {
    if (method === 'didChangeStatus' && params.message && params.message !== status) {
      status = params.message;
      received(`didChangeStatus  ${status}`);
    }
    if (method !== '$/progress' || params.token !== 'answer') return;
    const piece = params.value.choices?.[0]?.delta?.content;
    if (!piece) return;
    if (pieces++ === 0) process.stdout.write('   <-- $/progress, one for each piece:\n\n       ');
    process.stdout.write(piece.replaceAll('\n', '\n       '));
  });

  sent('initialize');
  const hello = await connection.request('initialize', {
    processId: process.pid,
    rootUri: null,
    capabilities: {},
    initializationOptions: {
      editorInfo: { name: 'try', version: '1.0' },
      editorPluginInfo: { name: 'try', version: '1.0' },
    },
  });
  received(`${hello.serverInfo.name} ${hello.serverInfo.version}`);
  connection.notify('initialized', {});

  sent('signIn');
  const flow = await connection.request('signIn', {});
  if (flow.status !== 'PromptUserDeviceFlow') throw new Error(`signIn answered ${flow.status}`);
  received(`enter the code ${flow.userCode} at ${flow.verificationUri}`);
  sent(`workspace/executeCommand ${flow.command.command}  (waits for the person)`);
  const signed_in = await connection.request('workspace/executeCommand', {
    command: flow.command.command,
    arguments: flow.command.arguments,
  });
  if (signed_in.status !== 'OK') throw new Error(`the sign-in ended with ${signed_in.status}`);
  received(`signed in as ${signed_in.user}`);

  sent(`jumpseat/chat  "${question}"`);
  const answer = await connection.request('jumpseat/chat', {
    messages: [{ role: 'user', content: question }],
    partialResultToken: 'answer',
  });
  if (pieces === 0) throw new Error('the answer was not streamed');
  say('\n');
  const whole = answer.choices[0].message.content;
  received(`the whole answer: ${whole.length} characters, came in ${pieces} pieces, model ${answer.model}`);

  sent('shutdown, exit');
  await connection.request('shutdown');
  connection.notify('exit');
  const code = await ended(server);
  if (code !== 0) throw new Error(`jumpseat ended with exit code ${code}`);
  say('   jumpseat has ended with exit code 0.');
}

const [program, question] = process.argv.slice(2);
if (question === undefined) {
  process.stderr.write('usage: node tests/try/session.mjs PROGRAM QUESTION\n');
  process.exit(2);
}
const children = [];
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
try {
  await session(program, question, children);
} catch (error) {
  process.stderr.write(`\nThat did not work: ${error.message}\n`);
  process.exitCode = 1;
}
process.exit();
