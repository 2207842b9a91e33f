// What a message offers to press: a command and what it is called there.

export interface Button {
  title: string;
  command: string;
  arguments?: unknown[];
}

export const SHOW_LOG: Button = { title: 'Show Log', command: 'jumpseat.showLog' };
export const RUN_DOCTOR: Button = { title: 'Run Doctor', command: 'jumpseat.runDoctor' };
export const SHOW_MODELS: Button = { title: 'Show Models', command: 'jumpseat.showModels' };
export const SHOW_QUOTA: Button = { title: 'Show Quota', command: 'jumpseat.showAccount' };
export const SIGN_IN: Button = { title: 'Sign In', command: 'jumpseat.signIn' };

/** The settings page, at one setting. */
export const openSettings = (setting: string): Button => ({
  title: 'Open Settings',
  command: 'workbench.action.openSettings',
  arguments: [setting],
});
