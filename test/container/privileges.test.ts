/**
 * The least that each image needs, as the README has it: every line there starts, serves and stops, and
 * without any one of its capabilities it does not.
 */
import { chownSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import type { ImageName } from '../../images/build/images.ts';
import { engine, hasEnded, imageOf, isHealthy, runToEnd, startContainer } from '../support/containers.ts';
import { freePort } from '../support/etcd.ts';
import { makeHostFiles, startHostsMunged } from '../support/host-files.ts';
import { clusterOf } from '../support/maestro.ts';
import { testNeeding } from '../support/needs.ts';
import { repository } from '../support/program.ts';

const readme = readFileSync(join(repository, 'README.md'), 'utf8');
const [, section = ''] = /^### The least privileges\n(.*?)^##/ms.exec(readme) ?? [];
/** The lines as a reader would type them: a backslash at an end joins two. */
const lines = section
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line.startsWith('docker run'));

interface Words {
  readonly image: ImageName;
  readonly options: readonly string[];
  readonly args: readonly string[];
}

/** A line with paths, names and ports of this test's. */
async function adapt(line: string): Promise<Words> {
  const words = line.split(/\s+/).slice(2);
  const at = words.findIndex((word) => word.startsWith('ovishpc/'));
  const image = (words[at] ?? '').replace('ovishpc/ldms-', '') as ImageName;
  const files = makeHostFiles(clusterOf(1, line.includes('/munge') ? 'munge' : 'none'));
  const munge = line.includes('-v /run/munge') ? await startHostsMunged(files) : '';
  files.key();
  const [, uid] = /--user[ =](\d+)/.exec(line) ?? [];
  if (uid) {
    for (const name of ['storage', 'store']) chownSync(files.path(name), Number(uid), Number(uid));
    files.key('munge.key', { uid: Number(uid), gid: Number(uid) });
  }
  const volume = `ldms-test-${process.pid}-${await freePort()}`;
  onTestFinished(async () => void (await engine(['volume', 'rm', '-f', volume])));
  const source = (from: string): string => {
    if (from === '/run/munge') return munge;
    return from.startsWith('/') ? files.path(from.replace(/.*\//, '')) : volume;
  };
  // Two lines may name one port, and tests run side by side.
  const namesPort = image !== 'maestro' && image !== 'grafana';
  const port = await freePort();
  const options = words.slice(0, at).flatMap((word, index, all) => {
    if (word === '-d' || word.startsWith('--name=')) return [];
    if (word === '--network=host' && !namesPort) return ['--network=none'];
    // A privileged port has to stay one.
    if (word === '--network=host' && /:411\b|:80\b|DSOSD=1/.test(line))
      return ['--network=none', '--sysctl=net.ipv4.ip_unprivileged_port_start=1024'];
    if (all[index - 1] !== '-v') return [word];
    const [from = '', ...rest] = word.split(':');
    return [[source(from), ...rest].join(':')];
  });
  const args = words.slice(at + 1).map((word) => word.replace(/:(10411|8080)$/, `:${port}`));
  return { image, options, args };
}

describe('each line of the README', () => {
  testNeeding([], 'is found', () => {
    const images = lines.map((line) => /ovishpc\/ldms-(\w+)/.exec(line)?.[1]);
    expect(new Set(images)).toEqual(new Set(['samp', 'agg', 'maestro', 'ui', 'grafana', 'dev']));
    for (const line of lines) {
      expect(line).toContain('--cap-drop=ALL');
      expect(line).not.toContain('--privileged');
    }
  });

  for (const line of lines) {
    const title = line.replace(/^docker run (-d )?(--network=host )?/, '');
    const needs = ['docker engine', 'munged', 'root'];
    if (line.includes('ldms-dev')) {
      testNeeding(needs, `${title}: a shell`, async () => {
        const { image, options, args } = await adapt(line.replace(' -it', ''));
        const ran = await runToEnd(options, imageOf(image), [
          ...args,
          '-c',
          'id -u; echo "int main(void) { return 0; }" >a.c && gcc a.c -o a && ./a && echo builds',
        ]);
        expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\nbuilds\n$/) });
      });
      continue;
    }
    testNeeding(needs, `${title}: starts, serves and stops`, async () => {
      const { image, options, args } = await adapt(line);
      const container = await startContainer(options, imageOf(image), args);
      await isHealthy(container);
      expect(await container.stop()).toBeLessThan(5_000);
      expect((await container.state()).exitCode).toBe(image === 'maestro' ? 143 : 0);
    });

    for (const [option, capability] of line.matchAll(/--cap-add=(\w+)/g)) {
      testNeeding(needs, `${title}: without ${capability} it says so, and ends`, async () => {
        const { image, options, args } = await adapt(line.replace(option, ''));
        const container = await startContainer(options, imageOf(image), args);
        const { exitCode } = await hasEnded(container);
        expect(exitCode).not.toBe(0);
        const { stdout, stderr } = await container.logs();
        expect(stdout + stderr).not.toBe('');
      });
    }
  }
});

testNeeding(
  ['docker engine', 'root'],
  "a key of somebody else's takes DAC_OVERRIDE, and that is told",
  async () => {
    const key = makeHostFiles('').key('roots.key', { uid: 0, gid: 0 });
    const capabilities = ['SETUID', 'SETGID', 'CHOWN', 'KILL'].map((name) => `--cap-add=${name}`);
    const options = [
      '--cap-drop=ALL',
      ...capabilities,
      '--read-only',
      '--tmpfs=/run',
      '-v',
      `${key}:/etc/munge/munge.key:ro`,
    ];
    const args = ['-x', `sock:${await freePort()}`, '-a', 'munge'];
    const { code, stderr } = await runToEnd(options, imageOf('samp'), args);
    expect(stderr).toMatch(/the container lacks CAP_DAC_OVERRIDE; docker run .*--cap-add=DAC_OVERRIDE/);
    expect(code).toBe(80);
    const container = await startContainer([...options, '--cap-add=DAC_OVERRIDE'], imageOf('samp'), args);
    await isHealthy(container);
  },
);
