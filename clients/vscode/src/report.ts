// `jumpseat doctor` in a read-only document: what works, what does not, and what to do.

import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import vscode = require('vscode');
import type { Context } from './context';

const SCHEME = 'jumpseat-report';
const REPORT = vscode.Uri.parse(`${SCHEME}:Jumpseat%20doctor.txt`);
/** It asks GitHub, each step with a limit of its own. */
const LIMIT_MS = 120_000;

export function activate(context: Context): void {
  const changed = new vscode.EventEmitter<vscode.Uri>();
  let text = '';
  context.own(
    changed,
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      onDidChange: changed.event,
      provideTextDocumentContent: () => text,
    }),
  );
  context.command('jumpseat.runDoctor', async () => {
    text = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: 'Jumpseat examines itself…' },
      () => doctor(context),
    );
    changed.fire(REPORT);
    await vscode.window.showTextDocument(REPORT, { preview: true });
  });
}

/** The report is worth reading whatever the exit code says. */
function doctor({ server }: Context): Promise<string> {
  const { path, env } = server.command();
  return new Promise((resolve, reject) => {
    const options = { cwd: homedir(), env, timeout: LIMIT_MS };
    execFile(path, ['doctor'], options, (error, stdout, stderr) => {
      const report = `${stdout}${stderr}`.trim();
      if (report !== '') resolve(`${report}\n`);
      else reject(error ?? new Error('jumpseat doctor has said nothing.'));
    });
  });
}
