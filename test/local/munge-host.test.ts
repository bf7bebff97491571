/** ACCEPTANCE F: the host's munged, by LDMS_ENTRYPOINT_MUNGE (real mounts are in namespaces.test.ts). */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { mungedsOf } from '../support/machine.ts';
import { startMunged } from '../support/munged.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';
import { asked, ldmsdThat, makeSite, message, usesMunge } from '../support/site.ts';

describe("the host's munge, by setting", () => {
  const host = { LDMS_ENTRYPOINT_MUNGE: 'host' };

  testNeeding(['munged'], 'is used when it answers, and no munged of ours is started', async () => {
    const site = makeSite(host);
    const theirs = await startMunged(site);
    site.install('ldmsd', usesMunge(site));
    const { stdout, stderr } = await site.run(asked);
    expect(stdout).toBe('munge works\n');
    expect(message(stderr)).toMatch(/the host's munged is ready, after \d+ ms/);
    expect(mungedsOf(site.root)).toEqual([theirs.pid]);
  });

  testNeeding(['munged'], 'is waited for when it comes up later', async () => {
    const site = makeSite({
      ...host,
      LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '30s',
      LDMS_ENTRYPOINT_LOG_LEVEL: 'debug',
    });
    site.install('ldmsd', usesMunge(site));
    const child = site.start(asked);
    await until('it waits for munge', () => child.stderr().includes('munge is wanted'));
    await startMunged(site);
    expect((await child.ended).stdout).toBe('munge works\n');
  });

  testNeeding(['munge'], 'absent: the line says what to do on the host', async () => {
    const site = makeSite({ ...host, LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '200ms' });
    site.install('ldmsd', ldmsdThat('echo started'));
    const { code, stdout, stderr } = await site.run(asked);
    expect({ code, stdout }).toEqual({ code: 80, stdout: '' });
    expect(message(stderr)).toMatch(
      /cannot use the host's munge through .*munge.socket.2, tried for 0.2 s: .* does not exist; on the host: systemctl restart munge/,
    );
  });

  testNeeding(['munged'], "dead, its socket left behind: the line has munge's own words", async () => {
    const site = makeSite({ ...host, LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '3s' });
    const theirs = await startMunged(site);
    theirs.kill('SIGKILL');
    await theirs.ended;
    site.install('ldmsd', ldmsdThat('echo started'));
    const { code, stderr } = await site.run(asked);
    expect(code).toBe(80);
    expect(message(stderr)).toMatch(/Connection refused|does not answer/);
  });

  testNeeding(['munged'], 'frozen: given up at the deadline', async () => {
    const site = makeSite({ ...host, LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '1s' });
    const theirs = await startMunged(site);
    theirs.kill('SIGSTOP');
    site.install('ldmsd', ldmsdThat('echo started'));
    const { code, stderr } = await site.run(asked);
    theirs.kill('SIGKILL');
    expect(code).toBe(80);
    expect(message(stderr)).toContain('it does not answer');
  });

  test("without munge's programs in the image: the line says to install them", async () => {
    const site = makeSite(host);
    site.install('ldmsd', ldmsdThat('echo started'));
    // A PATH with nothing but the shell and env; our search of sbin finds only munged.
    mkdirSync(site.path('few'));
    for (const name of ['sh', 'env']) symlinkSync(join('/bin', name), site.path(`few/${name}`));
    const { code, stderr } = await site.run(asked, {
      env: { ...site.env, PATH: `${site.path('bin')}:${site.path('few')}` },
    });
    expect(code).toBe(80);
    expect(message(stderr)).toContain(
      'the program munge is not in this image; install munge in the image: apt-get install munge',
    );
  });
});
