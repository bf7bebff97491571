/** `-a munge` in real containers: with the host's munge, with keys of every kind, and without any. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { expect } from 'vitest';
import { type Container, imageOf, isHealthy, runToEnd, startContainer } from '../support/containers.ts';
import { freePort } from '../support/etcd.ts';
import { type HostFiles, makeHostFiles, startHostsMunged } from '../support/host-files.ts';
import { clusterOf } from '../support/maestro.ts';
import { testNeeding } from '../support/needs.ts';
import { run, until } from '../support/program.ts';

const needs = ['docker engine', 'munged', 'root'];
const files = () => makeHostFiles(clusterOf(1));

async function sampler(options: readonly string[]): Promise<Container> {
  const container = await startContainer(options, imageOf('samp'), [
    '-x',
    `sock:${await freePort()}`,
    '-a',
    'munge',
  ]);
  await isHealthy(container);
  return container;
}

const withKey = (key: string): string[] => ['-v', `${key}:/etc/munge/munge.key:ro`];

const mungedsIn = async (container: Container): Promise<number> =>
  (await container.commandLines()).filter((command) => /^(\S*\/)?munged /.test(command)).length;

/** The exit status of unmunge in one container for a credential from another: 0 accepted, 14 another key (munge.h). */
async function accepts(to: Container, from: Container): Promise<number> {
  const { stdout } = await from.exec(['munge', '-n']);
  return (await to.exec(['unmunge', '-n'], stdout)).code;
}

testNeeding(needs, "the host's munge serves, mounted read-only, and no munged runs inside", async () => {
  const there = files();
  const container = await sampler(['-v', `${await startHostsMunged(there)}:/run/munge:ro`]);
  expect(await mungedsIn(container)).toBe(0);
  // A credential from inside is one of the host's.
  const { stdout } = await container.exec(['munge', '-n']);
  const socket = `--socket=${there.path('run-munge/munge.socket.2')}`;
  expect((await run('unmunge', ['-n', socket], { input: stdout })).code).toBe(0);
});

testNeeding(needs, "munge's own key, as the mission's README has it: 101:101, mode 0600", async () => {
  const container = await sampler(withKey(files().key()));
  expect(await mungedsIn(container)).toBe(1);
  expect((await container.exec(['stat', '-c', '%u:%g', '/run/munge/munge.socket.2'])).stdout.trim()).toBe(
    '101:101',
  );
});

testNeeding(needs, "a key as a Docker secret has it: somebody else's, mode 0400", async () => {
  const key = files().key('secret', { mode: 0o400, uid: 1000, gid: 1000 });
  const container = await sampler(withKey(key));
  expect((await container.logs()).stderr).toContain('/etc/munge/munge.key');
  expect(await mungedsIn(container)).toBe(1);
  expect((await container.exec(['find', '/run', '-name', '*.key'])).stdout, 'the copy is gone').toBe('');
});

testNeeding(needs, 'a key as a Kubernetes secret has it: behind symbolic links', async () => {
  const there = files();
  there.key('etc-munge/..2026/munge.key', { mode: 0o400, uid: 0, gid: 0 });
  chmodSync(there.path('etc-munge'), 0o755);
  symlinkSync('..2026', there.path('etc-munge/..data'));
  symlinkSync('..data/munge.key', there.path('etc-munge/munge.key'));
  const container = await sampler(['-v', `${there.path('etc-munge')}:/etc/munge:ro`]);
  expect(await mungedsIn(container)).toBe(1);
});

const refused: [string, (there: HostFiles) => string[], RegExp][] = [
  [
    "neither the host's munge nor a key",
    () => [],
    /cannot use the munge key \/etc\/munge\/munge\.key: there is none; give the container the host's munge \(-v .*\) or .*-v/,
  ],
  [
    'a key that others may read',
    (there) => withKey(there.key('open', { mode: 0o644 })),
    /others than its owner may use it.*chmod 0600/,
  ],
  [
    'the key that everybody knows',
    (there) => withKey(there.key('zero', { bytes: Buffer.alloc(1024) })),
    /all its bytes are the same.*mungekey/,
  ],
  [
    'a key that is not there on the host, for which docker makes a directory',
    (there) => withKey(there.path('no-such-key')),
    /it is a directory, which docker makes/,
  ],
  [
    "an empty directory in the place of the host's munge",
    (there) => {
      mkdirSync(there.path('empty'));
      return ['-e', 'LDMS_ENTRYPOINT_MUNGE_TIMEOUT=200ms', '-v', `${there.path('empty')}:/run/munge:ro`];
    },
    /cannot use the host's munge through \/run\/munge.*systemctl restart munge/,
  ],
];
for (const [what, options, says] of refused) {
  testNeeding(needs, `refused with exit code 80: ${what}`, async () => {
    const args = ['-x', `sock:${await freePort()}`, '-a', 'munge'];
    const { code, stdout, stderr } = await runToEnd(options(files()), imageOf('samp'), args);
    expect(stderr).toMatch(says);
    expect({ code, stdout }).toEqual({ code: 80, stdout: '' });
  });
}

testNeeding(
  needs,
  'two containers with one key accept each other, whatever its owner; with another key they do not',
  async () => {
    const there = files();
    const bytes = randomBytes(128);
    const one = await sampler(withKey(there.key('one', { bytes })));
    const same = await sampler(withKey(there.key('same', { bytes, uid: 4711, gid: 4711 })));
    const other = await sampler(withKey(there.key('other')));
    expect(await accepts(one, same)).toBe(0);
    expect(await accepts(same, one)).toBe(0);
    expect(await accepts(one, other)).toBe(14);
    expect(await accepts(other, one)).toBe(14);
  },
);

testNeeding(
  needs,
  'an aggregator pulls from a sampler with the same key, and is rejected with another',
  async () => {
    const there = files();
    const bytes = randomBytes(128);
    const port = await freePort();
    const listens = ['-x', `sock:${port}`, '-a', 'munge'];
    const samp = await startContainer(withKey(there.key('one', { bytes })), imageOf('samp'), listens);
    await isHealthy(samp);
    const conf = [
      `prdcr_add name=samp host=127.0.0.1 port=${port} xprt=sock type=active interval=200000`,
      'prdcr_start name=samp',
      'updtr_add name=all interval=200000',
      'updtr_prdcr_add name=all regex=.*',
      'updtr_start name=all',
    ];
    there.write('agg.conf', `${conf.join('\n')}\n`);
    const aggregator = async (key: string) => {
      const options = [...withKey(key), '-v', `${there.path('agg.conf')}:/etc/agg.conf:ro`];
      const args = ['-x', `sock:${await freePort()}`, '-a', 'munge', '-c', '/etc/agg.conf'];
      const container = await startContainer(options, imageOf('agg'), args);
      await isHealthy(container);
      return container;
    };
    const said = async (container: Container, words: RegExp) => {
      await until(`the aggregator says ${words}`, async () => words.test((await container.logs()).stdout));
    };
    await said(await aggregator(there.key('same', { bytes })), /producer samp: \d+ values/);
    await said(await aggregator(there.key('other')), /producer samp: rejected/);
  },
);
