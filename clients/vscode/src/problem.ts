// What went wrong, from an error of the process: its words for the person, its code, and the one button
// that helps. The words are the process's own; only what it cannot know is said here.

import {
  openSettings,
  RUN_DOCTOR,
  SHOW_LOG,
  SHOW_MODELS,
  SHOW_QUOTA,
  SIGN_IN,
  type Button,
} from './button';
import { AnswerError } from './chat';
import { remedy, StartFailure } from './start_failure';

export interface Problem {
  message: string;
  /** As in docs/errors.md, or a StartFailure's or AnswerError's kind. */
  code: string;
  /** vscode.LanguageModelError's kind that fits. */
  kind: 'NotFound' | 'NoPermissions' | 'Blocked' | 'Other';
  button: Button;
}

interface RpcError {
  code: number;
  message: string;
  data?: { code?: string; url?: string; signIn?: string; retryable?: boolean };
}

const isRpcError = (error: unknown): error is RpcError =>
  error instanceof Error && typeof (error as { code?: unknown }).code === 'number';

const CANCELLED = -32800;
/** vscode-jsonrpc's own codes: the connection ended with the request in flight. */
const CONNECTION_GONE = [-32097, -32099, -32098, -32096];

export const isCancelled = (error: unknown): boolean =>
  isRpcError(error) && error.code === CANCELLED;

export function problemOf(error: unknown): Problem {
  if (error instanceof StartFailure) {
    return { message: error.message, code: error.kind, kind: 'Other', button: remedy(error.kind) };
  }
  if (error instanceof AnswerError) {
    return {
      message: error.message,
      code: error.code,
      kind: error.code === 'content_filter' ? 'Blocked' : 'Other',
      button: SHOW_LOG,
    };
  }
  if (!isRpcError(error)) {
    const message = error instanceof Error ? error.message : String(error);
    return { message, code: 'internal_error', kind: 'Other', button: SHOW_LOG };
  }
  if (CONNECTION_GONE.includes(error.code)) {
    return {
      message: 'Jumpseat stopped while it was answering. It is being started again: ask once more.',
      code: 'connection_gone',
      kind: 'Other',
      button: SHOW_LOG,
    };
  }
  const code = error.data?.code ?? String(error.code);
  return { message: error.message, code, kind: kindOf(error), button: buttonFor(error, code) };
}

function kindOf({ code, data }: RpcError): Problem['kind'] {
  if (data?.code === 'model_not_found') return 'NotFound';
  if (code === 1000 || code === 1001 || code === 1002) return 'NoPermissions';
  switch (data?.code) {
    case 'insufficient_quota':
    case 'rate_limit_exceeded':
    case 'content_filter':
      return 'Blocked';
    default:
      return 'Other';
  }
}

function buttonFor({ code, data }: RpcError, name: string): Button {
  if (data?.signIn || code === 1001) return SIGN_IN;
  if (data?.url) return { title: 'Open GitHub', command: 'vscode.open', arguments: [data.url] };
  switch (name) {
    case 'insufficient_quota':
      return SHOW_QUOTA;
    case 'port_unavailable':
      return openSettings('jumpseat.http.port');
    case 'model_not_found':
    case 'unsupported_api_for_model':
    case 'context_length_exceeded':
      return SHOW_MODELS;
    default:
      return RUN_DOCTOR;
  }
}
