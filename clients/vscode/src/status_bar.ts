// The item in the status bar: how things are, and a click away what can be done.

import vscode = require('vscode');
import type { Context } from './context';
import { faceOf } from './phase';

export function activate(context: Context): void {
  const item = vscode.window.createStatusBarItem(
    'jumpseat.status',
    vscode.StatusBarAlignment.Right,
    90,
  );
  item.name = 'Jumpseat';
  item.command = 'jumpseat.showMenu';
  const draw = () => {
    const { status } = context;
    const face = faceOf(status.phase);
    item.text = face.text;
    item.accessibilityInformation = { label: face.label };
    item.tooltip = [
      face.label,
      status.user && `Signed in to GitHub as ${status.user}.`,
      status.message,
    ]
      .filter(Boolean)
      .join('\n');
    item.backgroundColor =
      face.severity === 'none'
        ? undefined
        : new vscode.ThemeColor(`statusBarItem.${face.severity}Background`);
    item.show();
  };
  draw();
  context.own(item, context.status.onDidChange(draw));
}
