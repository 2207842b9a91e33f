// The port from VS Code: start and stop it, copy its address and key, and put both into the terminals of the
// folders that the user has chosen.
//
// The choice is a setting of the user's own, a list of folders. Nothing that lies in a workspace can open the
// port or reach a terminal through it.

import vscode = require('vscode');
import type { Context } from './context';
import { variablesOf, type Address } from './port';
import { problemOf } from './problem';
import { ownList, ownSetting } from './settings';
import { tell } from './tell';

const FOLDERS = 'http.terminals';

export function activate(context: Context): void {
  const { port, server } = context;
  context.command('jumpseat.startPort', () => start(context));
  context.command('jumpseat.stopPort', async () => {
    await port.close();
    clearTerminals(context);
    void vscode.window.showInformationMessage(
      'This window has closed its port. It stays open for as long as another window shares it.',
    );
  });
  context.command('jumpseat.copyPort', async () => {
    const variables = Object.entries(variablesOf(await open(context)));
    const lines = variables.map(([name, value]) => `${name}=${value}\n`);
    await vscode.env.clipboard.writeText(lines.join(''));
    void vscode.window.showInformationMessage('The base URL and the key are in the clipboard.');
  });
  context.command('jumpseat.togglePortInTerminals', () => toggleTerminals(context));
  context.own(
    server.onDidChangePhase((phase) => {
      if (phase === 'running') void resume(context);
      else port.forget();
    }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(`jumpseat.${FOLDERS}`)) void refresh(context);
    }),
    vscode.workspace.onDidChangeWorkspaceFolders(() => refresh(context)),
  );
}

async function open(context: Context): Promise<Address> {
  const number = ownSetting('http.port');
  const address = await context.port.open(typeof number === 'number' ? number : undefined);
  fillTerminals(context, address);
  return address;
}

async function start(context: Context): Promise<void> {
  const { baseUrl } = await open(context);
  await tell(
    'information',
    `Copilot’s models are at ${baseUrl} for your programs on this machine.`,
    {
      title: 'Copy Base URL and Key',
      command: 'jumpseat.copyPort',
    },
  );
}

/** After a start of the process: what the person said in this window counts, else the settings. */
async function resume(context: Context): Promise<void> {
  const asSet = () => ownSetting('http.openWithWindow') === true || chosenFolders().length > 0;
  if (context.port.wanted ?? asSet()) await openUnasked(context);
}

/** The choice of folders or the folders have changed. A port that was stopped in this window stays so. */
async function refresh(context: Context): Promise<void> {
  clearTerminals(context);
  if (context.port.wanted !== false && chosenFolders().length > 0) await openUnasked(context);
}

async function openUnasked(context: Context): Promise<void> {
  try {
    await open(context);
  } catch (error) {
    clearTerminals(context);
    context.show(problemOf(error));
  }
}

// ---- Terminals ----

const nameOf = ({ uri }: vscode.WorkspaceFolder): string =>
  uri.scheme === 'file' ? uri.fsPath : uri.toString();

const folders = () => vscode.workspace.workspaceFolders ?? [];

function chosenFolders(): vscode.WorkspaceFolder[] {
  const chosen = ownList(FOLDERS);
  return folders().filter((folder) => chosen.includes(nameOf(folder)));
}

async function toggleTerminals(context: Context): Promise<void> {
  const here = folders().map(nameOf);
  if (here.length === 0) {
    void vscode.window.showInformationMessage(
      'Open a folder first: its terminals are what is set up.',
    );
    return;
  }
  const wasOn = chosenFolders().length > 0;
  // First of all: a port that cannot be opened is no reason to change a setting.
  const address = wasOn ? undefined : await open(context);
  const others = ownList(FOLDERS).filter((name) => !here.includes(name));
  await vscode.workspace
    .getConfiguration('jumpseat')
    .update(FOLDERS, wasOn ? others : [...others, ...here], vscode.ConfigurationTarget.Global);
  if (address) fillTerminals(context, address);
  void vscode.window.showInformationMessage(
    wasOn
      ? 'New terminals of this workspace get no OPENAI variables from Jumpseat any more.'
      : 'New terminals of this workspace get OPENAI_BASE_URL and OPENAI_API_KEY.',
  );
}

function variableCollections(context: Context): vscode.EnvironmentVariableCollection[] {
  const all = context.extension.environmentVariableCollection;
  return folders().map((workspaceFolder) => all.getScoped({ workspaceFolder }));
}

function fillTerminals(context: Context, address: Address): void {
  const chosen = chosenFolders();
  const all = context.extension.environmentVariableCollection;
  for (const workspaceFolder of chosen) {
    const collection = all.getScoped({ workspaceFolder });
    collection.description = 'Copilot’s models through Jumpseat’s port';
    for (const [name, value] of Object.entries(variablesOf(address)))
      collection.replace(name, value);
  }
}

function clearTerminals(context: Context): void {
  for (const collection of variableCollections(context)) collection.clear();
}
