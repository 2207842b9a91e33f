// One jumpseat process and the LSP client on its pipes: started, checked, stopped.
//
// `launch` either gives a process that has answered `initialize` as a Jumpseat of the right age, or throws a
// StartFailure; a process that it started and cannot use is gone by then. Restarting is server.ts's business,
// which loads this file, and the LSP library with it (lsp.ts), only once the extension is active.

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { homedir } from 'node:os';
import type * as vscode from 'vscode';
import type {
  LanguageClientOptions,
  MessageTransports,
} from 'vscode-languageclient/lib/common/client';
import type {
  InitializeParams,
  ShowDocumentParams,
  ShowDocumentResult,
} from 'vscode-languageserver-protocol';
import type { Program } from './binary';
import {
  BaseLanguageClient,
  CancellationToken,
  CloseAction,
  ErrorAction,
  ProgressType,
  StreamMessageReader,
  StreamMessageWriter,
} from './lsp.js';
import type { InitializationOptions, InitializeResult } from './protocol';
import { withoutSecrets } from './secrets';
import { isAtLeast, StartFailure } from './start_failure';

/** The oldest program that speaks all that this extension says. */
const OLDEST = '0.1.0';

export interface LaunchOptions {
  program: Program;
  env: NodeJS.ProcessEnv;
  initializationOptions: InitializationOptions;
  log: vscode.LogOutputChannel;
  /** How long `initialize` may take. */
  limitMs: number;
  /** Gives the start up: the process is ended and `launch` throws. */
  signal?: AbortSignal | undefined;
  /** Called once if the process ends after a good start and nobody stopped it. */
  onCrash: (how: string) => void;
}

export interface Running {
  client: BaseLanguageClient;
  version: string;
  pid: number | undefined;
  /** What arrives on a progress token, until it is disposed of. */
  onProgress: <T>(token: string, take: (value: T) => void) => vscode.Disposable;
  stop: () => Promise<void>;
}

export async function launch(options: LaunchOptions): Promise<Running> {
  const { program, log } = options;
  log.info(`Starting ${program.path} (${program.origin}).`);
  // The home folder as working directory: nothing in a workspace may influence the process.
  const child = spawn(program.path, ['--stdio'], { cwd: homedir(), env: options.env });
  const watch = new Watch(child, program.path, log);
  await Promise.race([watch.failed, new Promise((resolve) => child.once('spawn', resolve))]);
  const stopped = givenUp(options.signal);
  if (options.signal?.aborted) {
    child.kill('SIGKILL'); // nothing was said to it yet
    return stopped;
  }
  const client = new Client(child, options);
  let limit: NodeJS.Timeout | undefined;
  try {
    const silent = new Promise<never>((_, reject) => {
      limit = setTimeout(() => {
        reject(
          new StartFailure(
            'silent',
            `${program.path} runs but has not answered for ${options.limitMs / 1000} seconds.`,
          ),
        );
      }, options.limitMs);
    });
    const started = client.start();
    started.catch(() => undefined); // it loses the race when the process is no good
    await Promise.race([watch.failed, silent, started, stopped]);
    const result = client.initializeResult as Partial<InitializeResult> | undefined;
    if (!result) throw new Error('the connection closed');
    const info = result.serverInfo;
    if (info?.name !== 'Jumpseat' || !result.capabilities) {
      throw new StartFailure(
        'not_jumpseat',
        `${program.path} is not Jumpseat: it calls itself ${info ? `“${info.name}”` : 'nothing'}.`,
      );
    }
    if (!isAtLeast(info.version, OLDEST)) {
      throw new StartFailure(
        'too_old',
        `${program.path} is Jumpseat ${info.version}; this extension needs ${OLDEST} or newer.`,
      );
    }
    log.info(`Jumpseat ${info.version} runs as process ${child.pid ?? '?'}.`);
    watch.onEnd(options.onCrash);
    return {
      client,
      version: info.version,
      pid: child.pid,
      onProgress: <T>(token: string, take: (value: T) => void) =>
        client.onProgress(new ProgressType<T>(), token, take),
      stop: () => stop(client, child, watch),
    };
  } catch (error) {
    // The pipe closes a moment before the exit code is known, and that says more.
    const failure = error instanceof StartFailure ? error : await watch.explanation(error);
    if (client.isRunning()) await stop(client, child, watch);
    watch.expected = true;
    child.kill('SIGKILL');
    throw failure;
  } finally {
    clearTimeout(limit);
  }
}

/** Rejects when the start is given up. */
function givenUp(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const giveUp = () => {
      reject(new StartFailure('stopped', 'Jumpseat was stopped before it was ready.'));
    };
    if (signal?.aborted) giveUp();
    signal?.addEventListener('abort', giveUp, { once: true });
  });
}

async function stop(
  client: BaseLanguageClient,
  child: ChildProcessWithoutNullStreams,
  watch: Watch,
): Promise<void> {
  watch.expected = true;
  await client.stop().catch(() => undefined);
  child.stdin.end(); // the end of input ends the process too
  const kill = setTimeout(() => child.kill('SIGKILL'), 2000);
  await watch.ended;
  clearTimeout(kill);
}

/** Watches a process: whether it starts, what it says first, what it says on stderr, how it ends. */
class Watch {
  /** Rejects with a StartFailure when the process is no good. */
  readonly failed: Promise<never>;
  readonly ended: Promise<string>;
  /** Whether its end is nobody's surprise. */
  expected = false;
  private stderr = '';

  constructor(
    child: ChildProcessWithoutNullStreams,
    private readonly path: string,
    log: vscode.LogOutputChannel,
  ) {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-2000);
      log.error(`stderr: ${text.trimEnd()}`);
    });
    child.stdin.on('error', () => undefined); // the exit tells
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => {
        resolve(error.message);
      });
      child.once('close', (code, signal) => {
        resolve(signal ? `was ended by ${signal}` : `ended with code ${code ?? 0}`);
      });
    });
    this.failed = new Promise((_, reject) => {
      child.once('error', (error) => {
        reject(
          new StartFailure('did_not_start', `${path} could not be started: ${error.message}.`),
        );
      });
      void this.ended.then((how) => {
        reject(this.endedEarly(how));
      });
      child.stdout.once('data', (piece: Buffer) => {
        const begin = piece.subarray(0, 15).toString('latin1').toLowerCase();
        if ('content-length:'.startsWith(begin)) return;
        const said = piece
          .subarray(0, 60)
          .toString('utf8')
          .replace(/[\s\p{C}]+/gu, ' ')
          .trim();
        reject(
          new StartFailure(
            'rubbish',
            `${path} does not speak Jumpseat's protocol; it said “${said}”.`,
          ),
        );
      });
    });
    this.failed.catch(() => undefined); // after a good start nobody listens
  }

  /** A connection that breaks off is mostly a process that ends: wait a moment for its exit code. */
  async explanation(error: unknown): Promise<StartFailure> {
    const reason = error instanceof Error ? error.message : String(error);
    const moment = new Promise<undefined>((resolve) => setTimeout(resolve, 1000, undefined));
    const how = await Promise.race([this.ended, moment]);
    return how === undefined
      ? new StartFailure('did_not_start', `${this.path} did not answer as it should: ${reason}`)
      : this.endedEarly(how);
  }

  onEnd(report: (how: string) => void): void {
    void this.ended.then((how) => {
      if (!this.expected) report(how);
    });
  }

  private endedEarly(how: string): StartFailure {
    const last = this.stderr.trim().split('\n').at(-1);
    return new StartFailure(
      'ended',
      `${this.path} ${how} before it was ready.${last ? ` It said: ${last}` : ''}`,
    );
  }
}

class Client extends BaseLanguageClient {
  constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    options: LaunchOptions,
  ) {
    const settings: LanguageClientOptions = {
      initializationOptions: options.initializationOptions,
      outputChannel: options.log,
      traceOutputChannel: withoutSecretsIn(options.log),
      // What goes wrong is told by server.ts, once and with a button; the client itself keeps still.
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => ({ action: CloseAction.DoNotRestart, handled: true }),
      },
      initializationFailedHandler: () => false,
      middleware: {
        window: {
          // The process vets what it wants shown; this is the second lock: web pages in the browser only.
          showDocument: async (params, next) =>
            isWebPage(params)
              ? ((await next(params, CancellationToken.None)) as ShowDocumentResult)
              : { success: false },
        },
      },
    };
    super('jumpseat', 'Jumpseat', settings);
    this.log = options.log;
  }

  private readonly log: vscode.LogOutputChannel;

  protected override createMessageTransports(): Promise<MessageTransports> {
    return Promise.resolve({
      reader: new StreamMessageReader(this.child.stdout),
      writer: new StreamMessageWriter(this.child.stdin),
    });
  }

  protected override getLocale(): string {
    return 'en';
  }

  /** The base class throws, unheard, when a client that has not started is stopped. */
  override stop(timeout?: number): Promise<void> {
    return this.isRunning() ? super.stop(timeout) : Promise.resolve();
  }

  /**
   * Before the start is complete, the end of the connection is the end of the process, which `Watch` reports;
   * the base class would leave a rejected promise behind.
   */
  protected override handleConnectionClosed(): Promise<void> {
    return this.isRunning() ? super.handleConnectionClosed() : Promise.resolve();
  }

  /** So that the process ends when this one does, however that happens. */
  protected override fillInitializeParams(params: InitializeParams): void {
    super.fillInitializeParams(params);
    params.processId = process.pid;
  }

  override error(message: string, data?: unknown): void {
    this.log.error(withData(message, data));
  }
  override warn(message: string, data?: unknown): void {
    this.log.warn(withData(message, data));
  }
  override info(message: string, data?: unknown): void {
    this.log.info(withData(message, data));
  }
  override debug(message: string, data?: unknown): void {
    this.log.debug(withData(message, data));
  }
}

/** The log for the trace, which prints whole messages. */
function withoutSecretsIn(log: vscode.LogOutputChannel): vscode.LogOutputChannel {
  const append = (text: string) => {
    log.append(withoutSecrets(text));
  };
  const appendLine = (text: string) => {
    log.appendLine(withoutSecrets(text));
  };
  return Object.create(log, {
    append: { value: append },
    appendLine: { value: appendLine },
  }) as vscode.LogOutputChannel;
}

function withData(message: string, data: unknown): string {
  if (data instanceof Error) return `${message} ${data.message}`;
  return data === undefined ? message : withoutSecrets(`${message} ${JSON.stringify(data)}`);
}

const isWebPage = ({ uri, external }: ShowDocumentParams): boolean =>
  external === true && /^https?:\/\//i.test(uri);
