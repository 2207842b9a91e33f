// The OpenAI-compatible port as one window sees it: opened, looked at, let go.
//
//   const { baseUrl, key } = await port.open();
//
// Several windows share one port; which process serves it is the processes' business, and every window that
// opened it gets the same address. Without vscode, so that the tests run it against the real program.

import { method, type HttpStartResult, type HttpStatusResult } from './protocol';
import type { Wire } from './wire';

export interface Address {
  /** With /v1, as OpenAI's clients want it. */
  baseUrl: string;
  /** What clients must show; undefined when none is needed. */
  key: string | undefined;
}

/** OpenAI's clients refuse to start without a key, also where none is needed. */
const NO_KEY = 'none';

/** The two variables that OpenAI's clients read. */
export const variablesOf = ({ baseUrl, key }: Address): Record<string, string> => ({
  OPENAI_BASE_URL: baseUrl,
  OPENAI_API_KEY: key ?? NO_KEY,
});

export class Port {
  private status: HttpStatusResult = { state: 'closed' };
  private address: Address | undefined;
  private wanted_: boolean | undefined;

  /** `changed` is called when it has opened or closed. */
  constructor(
    private readonly wire: Wire,
    private readonly changed: () => void,
  ) {}

  /** Whether this window wants it open, also after a restart of the process; undefined: nobody has said yet. */
  get wanted(): boolean | undefined {
    return this.wanted_;
  }

  get isOpen(): boolean {
    return this.status.state !== 'closed';
  }

  /** Where it is, while it is open. */
  get baseUrl(): string | undefined {
    return this.isOpen && this.status.url !== undefined ? `${this.status.url}/v1` : undefined;
  }

  /**
   * Opens it, or finds it open: the answer is the same, also when another number is asked for by now. Without
   * a number, the process's configuration says.
   */
  async open(number?: number): Promise<Address> {
    await this.look();
    if (this.isOpen && this.address) return this.address;
    const { url, key } = await this.wire.request<HttpStartResult>(
      method.http_start,
      number === undefined ? {} : { port: number },
    );
    this.address = { baseUrl: `${url}/v1`, key: typeof key === 'string' ? key : undefined };
    this.wanted_ = true;
    await this.look();
    return this.address;
  }

  /** Lets it go; a window that shares it keeps it open. */
  async close(): Promise<void> {
    this.wanted_ = false;
    this.know(await this.wire.request<HttpStatusResult>(method.http_stop, {}));
  }

  /** Asks the process: another program or window may have changed what there is. */
  async look(): Promise<void> {
    this.know(await this.wire.request<HttpStatusResult>(method.http_status, {}));
  }

  /** The process is gone, and its port with it. */
  forget(): void {
    this.know({ state: 'closed' });
  }

  private know(status: HttpStatusResult): void {
    const before = this.baseUrl;
    this.status = status;
    if (!this.isOpen) this.address = undefined;
    if (this.baseUrl !== before) this.changed();
  }
}
