// Why the process could not be started, in words for the person, and the one thing that helps.
//
// No vscode in here: the tests run it in plain Node.

import { openSettings, SHOW_LOG, type Button } from './button';

export type StartFailureKind =
  | 'missing'
  | 'not_executable'
  | 'wrong_architecture'
  | 'did_not_start'
  | 'ended'
  | 'rubbish'
  | 'silent'
  | 'not_jumpseat'
  | 'too_old'
  | 'crashes'
  | 'stopped';

export class StartFailure extends Error {
  constructor(
    readonly kind: StartFailureKind,
    message: string,
  ) {
    super(message);
    this.name = 'StartFailure';
  }
}

/** The button that goes with it. */
export function remedy(kind: StartFailureKind): Button {
  switch (kind) {
    case 'missing':
    case 'not_executable':
    case 'wrong_architecture':
    case 'rubbish':
    case 'not_jumpseat':
    case 'too_old':
      return openSettings('jumpseat.path');
    case 'did_not_start':
    case 'ended':
      return SHOW_LOG;
    case 'silent':
    case 'crashes':
    case 'stopped':
      return { title: 'Try Again', command: 'jumpseat.restart' };
  }
}

/** Whether `version` is at least `wanted`; both are dotted numbers, what follows a hyphen is left out. */
export function isAtLeast(version: string, wanted: string): boolean {
  const numbers = (text: string) => (text.split('-')[0] ?? '').split('.').map(Number);
  const [have, want] = [numbers(version), numbers(wanted)];
  if (have.some(Number.isNaN)) return false;
  for (let i = 0; i < Math.max(have.length, want.length); i++) {
    const difference = (have[i] ?? 0) - (want[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
