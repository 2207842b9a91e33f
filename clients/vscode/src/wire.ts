// What a feature needs of the connection: a request, a notification, a stream of partial results.
// server.ts is one; the tests bring one over plain pipes.

import type { CancellationToken } from 'vscode-jsonrpc';

export interface Wire {
  request<T>(name: string, params: object, token?: CancellationToken): Promise<T>;
  notify(name: string, params: object): Promise<void>;
  /** A token of its own, and what arrives on it until it is disposed of. */
  progress<T>(take: (value: T) => void): Promise<{ token: string; dispose: () => void }>;
}
