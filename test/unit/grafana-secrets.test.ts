import { describe, expect, test } from 'vitest';
import { readSecrets, valueFor } from '../../src/grafana/secrets.ts';
import { type FakeFile, fakeHost } from '../support/fake-host.ts';

const name = 'GF_SECURITY_ADMIN_PASSWORD';
const variable = `${name}__FILE`;
const path = '/run/secrets/admin';

const secrets = (env: NodeJS.ProcessEnv, file?: FakeFile) =>
  readSecrets(fakeHost({ env, files: file ? { [path]: file } : {} }));
const problems = (env: NodeJS.ProcessEnv, file?: FakeFile) =>
  secrets(env, file).requirements.flatMap(({ problem }) => problem ?? []);

describe('a variable whose value is in a file', () => {
  test('is set from it, and the variable that names the file is taken away', () => {
    expect(secrets({ [variable]: path, HOME: '/root' }, { content: 'hunter2\n' })).toEqual({
      secrets: { [name]: path },
      without: [variable],
      requirements: [{ what: `secret ${name}`, found: path }],
    });
  });

  test('its content is nowhere in what is planned', () => {
    const text = JSON.stringify(secrets({ [variable]: path }, { content: 'hunter2\n' }));
    expect(text).not.toContain('hunter2');
    // What is there would be seen.
    expect(text).toContain(path);
  });

  test.each([
    ['one that is empty', { [variable]: '' }],
    ["one that is not grafana's", { ADMIN__FILE: path, gf_x__FILE: path, XGF_A__FILE: path }],
    ['one whose name has one underscore', { GF_A_FILE: path }],
    ['one that does not end so', { GF_A__FILES: path, GF_A__FILE_: path }],
    ['one without a name', { GF__FILE: path }],
    ['a plain value', { [name]: path }],
  ])('%s asks for nothing', (_, env) => {
    expect(secrets(env)).toEqual({ secrets: {}, without: [], requirements: [] });
  });

  test.each([
    ['no newline', 'x'],
    ['a blank only', ' \n'],
    ['a newline in front', '\nx'],
    ['not UTF-8', '\xff'],
  ])('a file with %s is good', (_, content) => {
    expect(problems({ [variable]: path }, { content: Buffer.from(content, 'latin1') })).toEqual([]);
  });
});

describe('both forms', () => {
  const both = {
    kind: 'configuration',
    what: `cannot set ${name}: both ${name} and ${variable} are set`,
    remedy: 'leave one of them out',
  };

  test('are exclusive, whether or not there is such a file', () => {
    for (const file of [{ content: 'hunter2' }, undefined]) {
      expect(problems({ [name]: 'hunter2', [variable]: path }, file)).toEqual([both]);
    }
  });

  test('the values are not told', () => {
    const told = JSON.stringify(secrets({ [name]: 'hunter2', [variable]: path }, { content: 'hunter3' }));
    expect(told).not.toMatch(/hunter/);
    expect(told).toContain(variable);
  });

  test.each([
    ['the value is empty', { [name]: '', [variable]: path }],
    ['the path is empty', { [name]: 'hunter2', [variable]: '' }],
  ])('are not both set where %s', (_, env) => {
    expect(problems(env, { content: 'x' })).toEqual([]);
  });
});

describe('a file that cannot be had', () => {
  test.each([
    ['missing', undefined, 'it does not exist'],
    ['unreadable', { unreadable: 'EACCES' }, 'permission denied'],
    ['in a directory that is closed to us', { hidden: 'EACCES' }, 'permission denied'],
    ['a directory', { kind: 'directory' }, 'it is a directory'],
    ['a pipe, which can be read only once', { kind: 'other', content: 'hunter2' }, 'it is no regular file'],
    ['a socket', { kind: 'socket' }, 'it is no regular file'],
    ['empty', { content: '' }, 'it is empty, which would count as none at all'],
    ['with newlines only', { content: '\n\n' }, 'it is empty, which would count as none at all'],
    ['with a zero byte', { content: 'hun\0ter' }, 'it holds a zero byte, which no variable can have'],
  ] as const)('%s', (_, file, why) => {
    expect(problems({ [variable]: path }, file)).toEqual([
      {
        kind: 'configuration',
        what: `cannot read ${name} from ${path}: ${why}`,
        remedy: `mount the secret there, and let this user read it, or correct ${variable}`,
      },
    ]);
  });

  test('each of several is told', () => {
    const env = { GF_A__FILE: '/none/a', GF_B: 'b', GF_B__FILE: '/none/b', [variable]: path };
    const { requirements } = secrets(env, { content: 'x' });
    expect(requirements).toEqual([
      { what: 'secret GF_A', problem: expect.objectContaining({ what: expect.stringMatching(/exist$/) }) },
      { what: 'secret GF_B', problem: expect.objectContaining({ what: expect.stringMatching(/both/) }) },
      { what: `secret ${name}`, found: path },
    ]);
  });
});

describe("a variable's value", () => {
  const value = (env: NodeJS.ProcessEnv, file?: FakeFile) =>
    valueFor(name, fakeHost({ env, files: file ? { [path]: file } : {} }));

  test.each([
    ['its own', { [name]: 'a' }, 'a'],
    ["its file's, without newlines at its end", { [variable]: path }, ' b\nc '],
    ['its own before that of its file', { [name]: 'a', [variable]: path }, 'a'],
    ["its file's where its own is empty", { [name]: '', [variable]: path }, ' b\nc '],
    ['none where both are empty', { [name]: '', [variable]: '' }, undefined],
    ['none where neither is set', {}, undefined],
  ])('%s', (_, env, expected) => {
    expect(value(env, { content: ' b\nc \n\n' })).toBe(expected);
  });

  test.each([
    ['missing', undefined],
    ['empty', { content: '' }],
    ['unreadable', { unreadable: 'EACCES' }],
    ['a directory', { kind: 'directory' }],
    ['a pipe', { kind: 'other', content: 'b' }],
  ] as const)('none of a file that is %s', (_, file) => {
    expect(value({ [variable]: path }, file)).toBeUndefined();
  });
});
