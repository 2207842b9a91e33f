// Finds the jumpseat program: the setting `jumpseat.path`, then the one that came with the extension, then
// PATH. What the setting names is used or refused, never silently replaced by another.
//
// Reads the file's first bytes, to tell a program for another machine from a broken one; runs nothing.

import { closeSync, constants, openSync, readSync, statSync, accessSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { StartFailure } from './start_failure';

export interface Search {
  /** The setting, empty when it is not set. */
  setting: string;
  /** Where the packaged program would be. */
  bundled: string;
  /** The variable PATH. */
  path: string | undefined;
}

export interface Program {
  path: string;
  origin: 'setting' | 'bundled' | 'PATH';
}

/** The program's file name. */
export const PROGRAM_NAME = process.platform === 'win32' ? 'jumpseat.exe' : 'jumpseat';

/** Throws a StartFailure that says what is wrong and where. */
export function findProgram(search: Search): Program {
  const program = look(search);
  const built = machineOf(program.path);
  if (built !== undefined && built !== process.arch) {
    throw new StartFailure(
      'wrong_architecture',
      `${program.path} is built for ${built}, this machine is ${process.arch}. ` +
        'Install the extension for this machine, or set jumpseat.path.',
    );
  }
  return program;
}

function look({ setting, bundled, path }: Search): Program {
  const wanted = setting.trim().replace(/^~(?=\/)/, homedir());
  if (wanted !== '') {
    if (!isAbsolute(wanted)) {
      throw new StartFailure(
        'missing',
        `jumpseat.path is “${wanted}”, which is no absolute path. Write it out from the root.`,
      );
    }
    const problem = whyNotExecutable(wanted);
    if (problem === 'absent') {
      throw new StartFailure('missing', `There is no file ${wanted}, which jumpseat.path names.`);
    }
    if (problem === 'no file') {
      throw new StartFailure(
        'not_executable',
        `jumpseat.path names ${wanted}, which is no file. Name the program itself.`,
      );
    }
    if (problem === 'refused') throw notExecutable(wanted, 'jumpseat.path');
    return { path: wanted, origin: 'setting' };
  }
  const packaged = whyNotExecutable(bundled);
  if (packaged === undefined) return { path: bundled, origin: 'bundled' };
  if (packaged === 'refused') throw notExecutable(bundled, 'The extension');
  // An entry that is not absolute would mean a folder of the workspace.
  for (const folder of (path ?? '').split(delimiter).filter(isAbsolute)) {
    const file = join(folder, PROGRAM_NAME);
    if (whyNotExecutable(file) === undefined) return { path: file, origin: 'PATH' };
  }
  throw new StartFailure(
    'missing',
    'The jumpseat program was not found: this build of the extension carries none for this machine, ' +
      'and there is none on PATH. Install it, or set jumpseat.path.',
  );
}

const notExecutable = (file: string, who: string) =>
  new StartFailure(
    'not_executable',
    `${who} names ${file}, which may not be executed. Check its permissions (chmod +x).`,
  );

function whyNotExecutable(file: string): 'absent' | 'no file' | 'refused' | undefined {
  try {
    if (!statSync(file).isFile()) return 'no file';
  } catch {
    return 'absent';
  }
  try {
    accessSync(file, constants.X_OK);
    return undefined;
  } catch {
    return 'refused';
  }
}

/** The machine an ELF file is for, in Node's words; undefined for what is no such file. */
function machineOf(file: string): string | undefined {
  const head = Buffer.alloc(20);
  let descriptor;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return undefined; // executable but not readable: starting it will tell
  }
  try {
    if (readSync(descriptor, head) < head.length) return undefined;
  } finally {
    closeSync(descriptor);
  }
  if (head.readUInt32BE(0) !== 0x7f454c46) return undefined;
  // e_machine in the file's own byte order, which the sixth byte tells (1: little endian).
  const machine = head[5] === 1 ? head.readUInt16LE(18) : head.readUInt16BE(18);
  const known: Record<number, string> = {
    3: 'ia32',
    40: 'arm',
    62: 'x64',
    183: 'arm64',
    243: 'riscv64',
  };
  return known[machine] ?? `machine type ${machine}`;
}
