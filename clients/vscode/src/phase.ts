// The one word for the state of everything, from what is known. Plain, without vscode.

import type { DidChangeStatusParams, StatusResult } from './protocol';

export type Phase =
  | 'starting'
  | 'failed'
  | 'signed_out'
  | 'signing_in'
  | 'ready'
  | 'busy'
  | 'offline'
  | 'refused'
  | 'disabled'
  | 'quota_used_up';

export interface Facts {
  server: 'stopped' | 'starting' | 'running' | 'failed';
  /** The last didChangeStatus of this process. */
  notice?: DidChangeStatusParams | undefined;
  /** The last checkStatus of this process. */
  account?: StatusResult | undefined;
  /** This window waits for a sign-in. */
  signingIn?: boolean | undefined;
  quotaMessage?: string | undefined;
}

export function phaseOf({ server, notice, account, signingIn, quotaMessage }: Facts): Phase {
  if (server === 'failed') return 'failed';
  if (server !== 'running' || !notice) return 'starting';
  switch (notice.kind) {
    case 'Inactive':
      return 'disabled';
    case 'Error':
      // Busy without a sign-in is a sign-in that is under way, perhaps another window's.
      if (signingIn || notice.busy) return 'signing_in';
      return account?.status === 'NotAuthorized' ? 'refused' : 'signed_out';
    case 'Warning':
      return 'offline';
    default:
      if (signingIn) return 'signing_in';
      if (notice.busy) return 'busy';
      return quotaMessage === undefined ? 'ready' : 'quota_used_up';
  }
}

export interface Face {
  /** A codicon and a few words, for the status bar. */
  text: string;
  /** What a screen reader says. */
  label: string;
  severity: 'none' | 'warning' | 'error';
}

const FACES: Record<Phase, Face> = {
  starting: { text: '$(loading~spin) Jumpseat', label: 'Jumpseat is starting', severity: 'none' },
  failed: {
    text: '$(error) Jumpseat: not running',
    label: 'Jumpseat is not running',
    severity: 'error',
  },
  signed_out: {
    text: '$(account) Jumpseat: signed out',
    label: 'Jumpseat: signed out',
    severity: 'none',
  },
  signing_in: {
    text: '$(sync~spin) Jumpseat: signing in',
    label: 'Jumpseat: signing in',
    severity: 'none',
  },
  ready: { text: '$(check) Jumpseat', label: 'Jumpseat is ready', severity: 'none' },
  busy: { text: '$(loading~spin) Jumpseat', label: 'Jumpseat is answering', severity: 'none' },
  offline: {
    text: '$(debug-disconnect) Jumpseat: offline',
    label: 'Jumpseat: GitHub cannot be reached',
    severity: 'warning',
  },
  refused: {
    text: '$(circle-slash) Jumpseat: refused',
    label: 'Jumpseat: Copilot refuses the account',
    severity: 'warning',
  },
  disabled: {
    text: '$(circle-slash) Jumpseat: off',
    label: 'Jumpseat is switched off',
    severity: 'none',
  },
  quota_used_up: {
    text: '$(warning) Jumpseat: quota used up',
    label: 'Jumpseat: quota used up',
    severity: 'warning',
  },
};

export const faceOf = (phase: Phase): Face => FACES[phase];
