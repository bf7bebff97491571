import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { changed, changedBytes, changeOf, whyNoValue } from '../../src/process/environment.ts';

/** A file with a secret. */
function secretFile(content: string | Buffer): string {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-entrypoint-unit-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'secret');
  writeFileSync(path, content);
  return path;
}

const main = { program: 'grafana-server', args: [] };
function change(given: Omit<Parameters<typeof changeOf>[0], 'program' | 'args'>) {
  const made = changeOf({ ...main, ...given });
  if ('kind' in made) throw new Error(made.what);
  return made;
}
const problem = (path: string) => changeOf({ ...main, secrets: { GF_A: path } });
const bytes = (...entries: string[]) => entries.map((entry) => Buffer.from(entry, 'latin1'));

describe('what a plan changes', () => {
  test('nothing, where it says nothing', () => {
    expect(changeOf(main)).toEqual({ set: new Map(), unset: new Set() });
  });

  test('variables that it sets, reads from files, and takes away', () => {
    const path = secretFile('hunter2\n');
    expect(change({ env: { HOME: '/h' }, secrets: { GF_A: path }, without: ['GF_A__FILE'] })).toEqual({
      set: new Map([
        ['HOME', Buffer.from('/h')],
        ['GF_A', Buffer.from('hunter2')],
      ]),
      unset: new Set(['GF_A__FILE']),
    });
  });

  test.each([
    ['a newline at its end', 'hunter2\n', 'hunter2'],
    ['several', 'hunter2\n\n\n', 'hunter2'],
    ['none', 'hunter2', 'hunter2'],
    ['newlines within and in front', '\na\n\nb\n', '\na\n\nb'],
    ['blanks at its end', 'a \t\n', 'a \t'],
    ['a carriage return', 'a\r\n', 'a\r'],
    ['an equals sign', 'a=b\n', 'a=b'],
    ['what is not UTF-8', '\xff\xfe\n', '\xff\xfe'],
  ])('as $(cat FILE) has it: %s', (_, content, value) => {
    const path = secretFile(Buffer.from(content, 'latin1'));
    expect(
      change({ secrets: { GF_A: path } })
        .set.get('GF_A')
        ?.toString('latin1'),
    ).toBe(value);
    const shell = spawnSync('/bin/sh', ['-c', 'printf %s "$(cat "$1")"', 'sh', path]);
    expect(shell.stdout.toString('latin1')).toBe(value);
  });
});

describe('a secret that cannot be handed over', () => {
  const refused = (path: string, why: string) => ({
    kind: 'configuration',
    what: `cannot read GF_A from ${path}: ${why}`,
    remedy: 'mount the secret there, and let this user read it, or correct GF_A__FILE',
  });

  test.each([
    ['it is gone', (path: string) => `${path}.none`, 'it does not exist'],
    [
      'a part of its path is a file',
      (path: string) => `${path}/x`,
      'it, or a part of its path, is not a directory',
    ],
    ['reading fails', () => '/proc/self/mem', 'input/output error'],
  ])('%s', (_, at, why) => {
    const path = at(secretFile('x'));
    expect(problem(path)).toEqual(refused(path, why));
  });

  test('a directory', () => {
    const path = `${secretFile('x')}.d`;
    mkdirSync(path);
    expect(problem(path)).toEqual(refused(path, 'it is a directory'));
  });

  test('a link that leads nowhere, and one that leads to a secret', () => {
    const path = secretFile('hunter2\n');
    symlinkSync(`${path}.none`, `${path}.broken`);
    symlinkSync(path, `${path}.link`);
    expect(problem(`${path}.broken`)).toEqual(refused(`${path}.broken`, 'it does not exist'));
    expect(
      change({ secrets: { GF_A: `${path}.link` } })
        .set.get('GF_A')
        ?.toString(),
    ).toBe('hunter2');
  });

  test('a zero byte, of which nothing is told', () => {
    const path = secretFile('hunter2\0');
    expect(problem(path)).toEqual(refused(path, 'it holds a zero byte, which no variable can have'));
    expect(JSON.stringify(problem(path))).not.toContain('hunter2');
  });

  test.each([
    ['nothing', ''],
    ['a newline', '\n'],
    ['newlines only', '\n\n\n'],
  ])('an empty one, which is as good as no variable: %s', (_, content) => {
    const path = secretFile(content);
    expect(problem(path)).toEqual(refused(path, 'it is empty, which would count as none at all'));
    expect(change({ secrets: { GF_A: secretFile(`${content}x`) } }).set.has('GF_A')).toBe(true);
  });

  test('one that is too long for a variable', () => {
    const path = secretFile('x'.repeat(131_072));
    expect(problem(path)).toMatchObject({
      kind: 'configuration',
      what: expect.stringMatching(/: it is longer than the \d+ bytes that a variable can have$/),
    });
    expect(change({ secrets: { GF_A: secretFile('x'.repeat(130_000)) } }).set.get('GF_A')).toHaveLength(
      130_000,
    );
  });

  test.each([
    ['a zero byte', 'a\0', true],
    ['a zero byte alone', '\0', true],
    ['the digit', 'a0', false],
    ['a blank', ' ', false],
    ['a newline in front', '\na', false],
    ['a carriage return', '\r\n', false],
    ['newlines only', '\n\n', true],
    ['nothing', '', true],
  ])('%s', (_, text, isRefused) => {
    expect(whyNoValue(Buffer.from(text)) !== undefined).toBe(isRefused);
  });
});

describe('the environment after a change', () => {
  const set = new Map([
    ['B', Buffer.from('new')],
    ['D', Buffer.from('added')],
  ]);
  const some = { set, unset: new Set(['C', 'NONE']) };
  const none = { set: new Map(), unset: new Set<string>() };

  test('as Node has it', () => {
    const env = { A: '1', B: 'old', C: '3' };
    expect(changed(env, some)).toEqual({ A: '1', B: 'new', D: 'added' });
    expect(changed(env, none)).toEqual(env);
    expect(env).toEqual({ A: '1', B: 'old', C: '3' });
  });

  test('as the kernel has it', () => {
    const env = bytes('A=1', 'B=old', 'C=3');
    expect(changedBytes(env, some)).toEqual(bytes('A=1', 'B=new', 'D=added'));
    expect(changedBytes(env, none)).toEqual(env);
  });

  test('what is not touched stays byte for byte, in its order', () => {
    const env = bytes(
      'Z=\xff\xfe',
      'EMPTY=',
      'no equals sign',
      '=x',
      'BB=1',
      'XB=old',
      'A=B=old',
      'CC=3',
      'Z=twice',
    );
    expect(changedBytes([...env, ...bytes('C=3')], some)).toEqual([...env, ...bytes('B=new', 'D=added')]);
  });

  test('every entry of a name goes', () => {
    expect(changedBytes(bytes('B=1', 'C=1', 'A=1', 'B=2', 'C=2'), some)).toEqual(
      bytes('A=1', 'B=new', 'D=added'),
    );
  });

  test('a secret reaches the kernel byte for byte', () => {
    const made = change({ secrets: { GF_A: secretFile(Buffer.from('\xff\n', 'latin1')) } });
    expect(changedBytes(bytes('GF_A=old'), made)).toEqual(bytes('GF_A=\xff'));
  });
});
