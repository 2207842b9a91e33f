// The process for as long as the window lives: started, started again after a crash, restarted on request.
//
//   const models = await server.request<ModelList>(method.models, {}, token);
//
// A request waits for a process that is being started. What goes wrong with the process itself is told here,
// once and with one button.

import { join } from 'node:path';
import vscode = require('vscode');
import { Backoff } from './backoff';
import { findProgram, PROGRAM_NAME, type Program } from './binary';
import { RUN_DOCTOR, SHOW_LOG } from './button';
import type { Running } from './process';
import { method, type MessageParams, type DidChangeStatusParams } from './protocol';
import { ownText } from './settings';
import { remedy, StartFailure } from './start_failure';
import { tell } from './tell';
import type { Wire } from './wire';

/** Generous, for a machine that is busy starting everything else; the program itself needs milliseconds. */
const INITIALIZE_LIMIT_MS = 20_000;

export type ServerPhase = 'stopped' | 'starting' | 'running' | 'failed';

export class Server implements Wire, vscode.Disposable {
  private readonly phaseChanged = new vscode.EventEmitter<ServerPhase>();
  private readonly statusChanged = new vscode.EventEmitter<DidChangeStatusParams>();
  private readonly backoff = new Backoff();
  private phase_: ServerPhase = 'stopped';
  private running: Running | undefined;
  private starting: Promise<Running> | undefined;
  private launching: AbortController | undefined;
  private restartTimer: NodeJS.Timeout | undefined;
  private failure: StartFailure | undefined;
  private toldOfCrash = false;
  private tokens = 0;

  readonly onDidChangePhase = this.phaseChanged.event;
  /** didChangeStatus, as it comes. */
  readonly onDidChangeStatus = this.statusChanged.event;

  private readonly settings: vscode.Disposable;

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.settings = vscode.workspace.onDidChangeConfiguration((change) => {
      const matters = ['jumpseat.path', 'jumpseat.endpoint'];
      if (matters.some((name) => change.affectsConfiguration(name))) {
        void this.restart().catch(() => undefined); // told already
      }
    });
  }

  get phase(): ServerPhase {
    return this.phase_;
  }

  get version(): string | undefined {
    return this.running?.version;
  }

  /** Why it does not run, when it has failed. */
  get problem(): string | undefined {
    return this.failure?.message;
  }

  /** The program and environment that the process gets; for other commands of the same program. */
  command(): { path: string; env: NodeJS.ProcessEnv } {
    return { path: this.find().path, env: this.environment() };
  }

  /** Starts the process unless it runs; a failure has been shown by the time that this rejects. */
  start(): Promise<Running> {
    if (this.running) return Promise.resolve(this.running);
    this.starting ??= this.launch().finally(() => (this.starting = undefined));
    return this.starting;
  }

  async restart(): Promise<void> {
    this.backoff.reset();
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    clearTimeout(this.restartTimer);
    this.restartTimer = undefined;
    this.launching?.abort();
    await this.starting?.catch(() => undefined);
    const running = this.running;
    this.running = undefined;
    this.failure = undefined;
    this.enter('stopped');
    await running?.stop();
  }

  async request<T>(name: string, params: object, token?: vscode.CancellationToken): Promise<T> {
    const { client } = await this.ready();
    return token ? client.sendRequest<T>(name, params, token) : client.sendRequest<T>(name, params);
  }

  async notify(name: string, params: object): Promise<void> {
    const { client } = await this.ready();
    await client.sendNotification(name, params);
  }

  /** A token that no other request uses, and what arrives on it. */
  async progress<T>(take: (value: T) => void): Promise<{ token: string; dispose: () => void }> {
    const { onProgress } = await this.ready();
    const token = `vscode-${++this.tokens}`;
    const listener = onProgress(token, take);
    return {
      token,
      dispose: () => {
        listener.dispose();
      },
    };
  }

  dispose(): void {
    void this.stop();
    this.settings.dispose();
    this.phaseChanged.dispose();
    this.statusChanged.dispose();
  }

  private ready(): Promise<Running> {
    if (this.failure && !this.starting) return Promise.reject(this.failure);
    return this.start();
  }

  private enter(phase: ServerPhase): void {
    if (this.phase_ === phase) return;
    this.phase_ = phase;
    this.phaseChanged.fire(phase);
  }

  private async launch(): Promise<Running> {
    clearTimeout(this.restartTimer);
    this.failure = undefined;
    this.enter('starting');
    const launching = new AbortController();
    this.launching = launching;
    try {
      const { launch } = await import('./process.js');
      const running = await launch({
        program: this.find(),
        env: this.environment(),
        initializationOptions: {
          editorInfo: { name: vscode.env.appName, version: vscode.version },
          editorPluginInfo: {
            name: 'jumpseat-vscode',
            version: (this.extension.extension.packageJSON as { version: string }).version,
          },
        },
        log: this.log,
        limitMs: INITIALIZE_LIMIT_MS,
        signal: launching.signal,
        onCrash: (how) => {
          this.crashed(how);
        },
      });
      running.client.onNotification(method.did_change_status, (params: DidChangeStatusParams) => {
        this.statusChanged.fire(params);
      });
      running.client.onNotification(method.show_message, (params: MessageParams) => {
        void tell('warning', params.message, RUN_DOCTOR);
      });
      this.running = running;
      this.enter('running');
      return running;
    } catch (error) {
      const failure =
        error instanceof StartFailure ? error : new StartFailure('did_not_start', String(error));
      if (!launching.signal.aborted) this.fail(failure);
      throw failure;
    }
  }

  private fail(failure: StartFailure): void {
    this.log.error(failure.message);
    this.failure = failure;
    this.running = undefined;
    this.enter('failed');
    void tell('error', failure.message, remedy(failure.kind));
  }

  private crashed(how: string): void {
    this.running = undefined;
    const wait = this.backoff.next(Date.now());
    if (wait === undefined) {
      this.fail(
        new StartFailure('crashes', `Jumpseat ${how}, again and again; it was not started anew.`),
      );
      return;
    }
    this.log.error(`Jumpseat ${how}; it will be started again in ${wait} ms.`);
    this.enter('starting');
    this.restartTimer = setTimeout(() => {
      void this.start().then(
        () => {
          if (this.toldOfCrash) return;
          this.toldOfCrash = true;
          void tell('warning', `Jumpseat ${how} and has been started again.`, SHOW_LOG);
        },
        () => undefined, // told already
      );
    }, wait);
  }

  private find(): Program {
    return findProgram({
      setting: ownText('path'),
      bundled: join(this.extension.extensionPath, 'bin', PROGRAM_NAME),
      path: process.env['PATH'],
    });
  }

  private environment(): NodeJS.ProcessEnv {
    const endpoint = ownText('endpoint');
    return { ...process.env, ...(endpoint === '' ? {} : { GITHUB_COPILOT_ENDPOINT: endpoint }) };
  }
}
