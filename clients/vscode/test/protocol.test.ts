// src/protocol.ts against protocol/methods.h: the same names, the same structs, the same members with the
// same types, in the same order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import ts from 'typescript';
import * as protocol from '../src/protocol';
import { read } from './world';

type Shapes = Record<string, string[]>;

const header = read('..', '..', 'protocol', 'methods.h');

/** The constants of a namespace of the header, as {name: value}. */
function constantsOf(name: string): Record<string, string> {
  const start = header.indexOf(`namespace ${name} {`);
  const text = header.slice(start, header.indexOf(`}  // namespace ${name}`, start));
  const found = text.matchAll(/inline constexpr char (\w+)\[\] = "([^"]+)";/g);
  return Object.fromEntries([...found].map(([, key = '', value = '']) => [key, value]));
}

/** A C++ type in TypeScript's words. */
function translated(type: string): string {
  const optional = /^std::optional<(.+)>$/.exec(type);
  if (optional) return `?${translated(optional[1] ?? '')}`;
  const list = /^std::vector<(.+)>$/.exec(type);
  if (list) return `${translated(list[1] ?? '')}[]`;
  const plain: Record<string, string> = {
    'std::string': 'string',
    'std::int64_t': 'number',
    'std::uint16_t': 'number',
    Secret: 'string',
    double: 'number',
    bool: 'boolean',
    'json::value': 'unknown',
  };
  return plain[type] ?? type;
}

/** Every struct of the header. */
function structs(): Shapes {
  const shapes: Shapes = {};
  for (const [, name = '', body = ''] of header.matchAll(/^struct (\w+) \{\n(.*?)^\};/gms)) {
    const members = body.matchAll(/^ {2}([\w:<>]+) (\w+)(?: = [^;]+)?;/gm);
    shapes[name] = [...members].map(
      ([, type = '', member = '']) => `${member}: ${translated(type)}`,
    );
  }
  return shapes;
}

const source = ts.createSourceFile(
  'protocol.ts',
  read('src', 'protocol.ts'),
  ts.ScriptTarget.ES2022,
  true,
);

/** Every interface of protocol.ts, written in the same way. */
function interfaces(): Shapes {
  const shapes: Shapes = {};
  source.forEachChild((node) => {
    if (!ts.isInterfaceDeclaration(node)) return;
    shapes[node.name.text] = node.members.filter(ts.isPropertySignature).map((member) => {
      const type = member.type?.getText() ?? 'unknown';
      return `${member.name.getText()}: ${member.questionToken ? '?' : ''}${type}`;
    });
  });
  return shapes;
}

test('the methods and commands have the names of methods.h', () => {
  assert.ok(
    Object.keys(constantsOf('method')).length > 20,
    'methods.h is not read as it should be',
  );
  assert.deepEqual({ ...protocol.method }, constantsOf('method'));
  assert.deepEqual({ ...protocol.command }, constantsOf('command'));
});

test('the interfaces are the structs of methods.h, member by member', () => {
  const wanted = structs();
  assert.ok(Object.keys(wanted).length > 20, 'methods.h is not read as it should be');
  const described = [...header.matchAll(/BOOST_DESCRIBE_STRUCT\((\w+)/g)].map(([, name]) => name);
  assert.deepEqual(Object.keys(wanted), described, 'a struct is not read as it should be');
  assert.deepEqual(interfaces(), wanted);
});
