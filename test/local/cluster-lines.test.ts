/**
 * The docker lines of ldms-cluster, run by shells with a stand-in for docker that counts what it would start;
 * and what shellcheck says of all scripts.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { apptainer } from '../../src/cluster/render/apptainer.ts';
import { docker } from '../../src/cluster/render/docker.ts';
import { pdsh } from '../../src/cluster/render/pdsh.ts';
import { byNode } from '../../src/cluster/render/rendering.ts';
import { cygnus } from '../support/clusters.ts';
import { counting } from '../support/counting.ts';
import { dockerWords } from '../support/docker-words.ts';
import { nastySites } from '../support/nasty.ts';
import { testNeeding } from '../support/needs.ts';
import { run } from '../support/program.ts';

const shells = [['sh'], ['busybox', 'sh'], ['bash']] as const;

describe.each(Object.entries(nastySites))('docker lines, %s', (_title, site) => {
  for (const shell of shells) {
    testNeeding(
      [shell[0]],
      `${shell.join(' ')} starts and stops each host's containers, word for word`,
      async () => {
        const deployment = await cygnus(site);
        const at = counting(docker.render(deployment));
        for (const [node, containers] of byNode(deployment)) {
          const files = deployment.site.files ?? join(at.directory, node);
          expect(await at.run(...shell, `${node}/start.sh`)).toMatchObject({
            code: 0,
            stderr: '',
            calls: containers.map((container) => ({
              host: '',
              program: 'docker',
              args: dockerWords(container, deployment.site, files),
            })),
          });
          const names = containers.map(({ name }) => name);
          const { calls } = await at.run(...shell, `${node}/stop.sh`);
          expect(calls.map(({ args }) => args)).toEqual([
            ['stop', ...names],
            ['rm', ...names],
          ]);
        }
      },
    );
  }
});

test('the files that docker lines mount are beside the script, also where the directory has a blank in its name', async () => {
  const deployment = await cygnus();
  const at = counting(docker.render(deployment));
  const { calls } = await at.run('sh', 'cygnus-07/start.sh');
  const mounted = calls.flatMap(({ args }) => args).filter((word) => word.startsWith(at.directory));
  expect(mounted.map((word) => word.replace(`${at.directory}/`, ''))).toEqual([
    'cygnus-07/dsosd.json:/etc/dsosd.json:ro',
    'cygnus-07/ldms_cfg.yaml:/etc/ldms_cfg.yaml:ro',
    'cygnus-07/dsosd.conf:/opt/ovis/etc/dsosd.conf:ro',
    'cygnus-07/settings.py:/opt/ovis/ui/sosgui/settings.py:ro',
  ]);
  for (const word of mounted) expect(existsSync(word.split(':')[0] ?? ''), word).toBe(true);
});

test('several maestros are given the same words on each host, but for where the directory is', async () => {
  const deployment = await cygnus({ maestro: 'cygnus-0[5-7]' });
  const at = counting(docker.render(deployment));
  const words = new Set<string>();
  for (const node of ['cygnus-05', 'cygnus-06', 'cygnus-07']) {
    const { code, calls } = await at.run('sh', `${node}/start.sh`);
    expect(code).toBe(0);
    const [maestro, ...more] = calls.filter(({ args }) => args.includes('ovishpc/ldms-maestro:latest'));
    expect(more).toEqual([]);
    expect(existsSync(join(at.directory, node, 'ldms_cfg.yaml'))).toBe(true);
    words.add(JSON.stringify(maestro?.args).replaceAll(`/${node}/`, '/HOST/'));
  }
  expect([...words]).toEqual([
    expect.stringContaining('"LDMS_ENTRYPOINT_MAESTRO_MEMBERS=cygnus-05,cygnus-06,cygnus-07"'),
  ]);
});

test('a start script is found from anywhere, whatever CDPATH says', async () => {
  const at = counting(docker.render(await cygnus()), { CDPATH: '.' });
  const { code, calls } = await at.run('sh', 'cygnus-07/start.sh');
  expect(code).toBe(0);
  expect(calls[0]?.args).toContain(`${at.directory}/cygnus-07/dsosd.json:/etc/dsosd.json:ro`);
});

test('a docker that fails ends the start; stop.sh goes on, and says so at its end', async () => {
  const at = counting(docker.render(await cygnus()), { STAND_IN_BROKEN: 'here' });
  const started = await at.run('sh', 'cygnus-07/start.sh');
  expect(started.code).toBe(125);
  expect(started.calls).toHaveLength(1);
  const stopped = await at.run('sh', 'cygnus-07/stop.sh');
  expect(stopped).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/\nstop\.sh: not everything was stopped: the lines above say why\n$/),
  });
  expect(stopped.calls).toHaveLength(2);
});

describe.each(Object.entries(nastySites))('scripts, %s', (_title, site) => {
  testNeeding(['shellcheck'], 'shellcheck has nothing to say', async () => {
    const deployment = await cygnus(site);
    for (const rendered of [
      ...docker.render(deployment),
      ...pdsh.render(deployment),
      ...apptainer.render(deployment),
    ]) {
      if (!rendered.executable) continue;
      // Its notes are about what looks odd, which the nasty values are meant to.
      const options = site.sampOptions ? ['--severity=warning'] : [];
      const result = await run('shellcheck', ['--shell=sh', ...options, '-'], { input: rendered.text });
      expect(result, `${rendered.path}: ${result.stdout}`).toEqual({ code: 0, stdout: '', stderr: '' });
    }
  });
});
