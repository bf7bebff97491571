/** The images without docker: in podman, and under Charliecloud as an unprivileged user of an HPC system. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished } from 'vitest';
import { imageOf, isHealthy, podmanOptions, startContainer } from '../support/containers.ts';
import { freePort } from '../support/etcd.ts';
import { makeHostFiles } from '../support/host-files.ts';
import { processesNaming } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { type Result, run, start, until } from '../support/program.ts';

testNeeding(
  ['docker engine', 'podman', 'root'],
  'podman: samp starts with a key of its own, is healthy, and stops',
  async () => {
    const loaded = await start('sh', ['-c', `docker save ${imageOf('samp')} | podman load -q`]).ended;
    expect(loaded).toMatchObject({ code: 0 });
    onTestFinished(async () => void (await run('podman', ['rmi', '-f', imageOf('samp')])));
    const options = [...podmanOptions, '-v', `${makeHostFiles('').key()}:/etc/munge/munge.key:ro`];
    const args = ['-x', `sock:${await freePort()}`, '-a', 'munge'];
    const container = await startContainer(options, imageOf('samp'), args, 'podman');
    await isHealthy(container);
    expect(await container.stop()).toBeLessThan(5_000);
    expect((await container.state()).exitCode).toBe(0);
    const { stdout, stderr } = await container.logs();
    expect(stdout).toContain('ldmsd (stand-in, not the real ldmsd)');
    expect(stderr).toContain('munged is ready');
  },
);

testNeeding(
  ['docker engine', 'ch-run', 'setpriv', 'root'],
  'Charliecloud: an unprivileged user runs samp from the same image',
  async () => {
    const place = mkdtempSync(join(tmpdir(), 'ldms-charliecloud-'));
    onTestFinished(() => rmSync(place, { recursive: true, force: true }));
    chmodSync(place, 0o755);
    const image = join(place, 'samp');
    await execa('ch-convert', ['-i', 'docker', imageOf('samp'), image]);
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
    const env = { PATH: process.env['PATH'] ?? '', USER: 'nobody', HOME: '/nonexistent' };
    const chRun = (...words: string[]) => [...nobody, 'ch-run', '--set-env', image, '--', ...words];
    const port = await freePort();
    const ask = (): Promise<Result> =>
      run('setpriv', chRun('ldms_ls', '-h', 'localhost', '-x', 'sock', '-p', String(port)), { env });
    expect((await ask()).code, 'nobody listens yet').toBe(2);

    const samp = start('setpriv', chRun('ldms-entrypoint', 'samp', '-x', `sock:${port}`), { env });
    await until(`ldms_ls lists its set; it said: ${samp.stderr()}`, async () => (await ask()).code === 0);
    expect((await ask()).stdout).toMatch(/\/meminfo/);
    const [pid = 0] = processesNaming(`sock:${port}`);
    expect(pid, 'ldmsd itself, and nothing in front of it').toBe(samp.pid);
    samp.kill('SIGTERM');
    expect((await samp.ended).code).toBe(0);
  },
);
