/** `npm run cygnus`: the example's whole cluster in containers, started by the lines that ldms-cluster writes. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { engine, namespace } from '../support/containers.ts';
import { testNeeding } from '../support/needs.ts';
import { repository, run } from '../support/program.ts';

const cygnus = (...words: string[]) =>
  run(process.execPath, [join(repository, 'test/demo/cygnus/main.ts'), ...words]);

const leftOver = async () => (await engine(['ps', '-aq', '--filter', 'name=ldms-cygnus-'])).stdout;

testNeeding(
  ['docker engine', 'munged', 'root'],
  'all ten containers are healthy, maestro reaches every endpoint, the web answers, and all stop at once',
  async () => {
    const { code, stdout, stderr } = await cygnus(`--namespace=${namespace}`);
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    const containers = [
      ...[1, 2, 3, 4].map((number) => `cygnus-0${number} samp`),
      ...[5, 6, 7].map((number) => `cygnus-0${number} agg`),
      ...['maestro', 'ui', 'grafana'].map((role) => `cygnus-07 ${role}`),
    ];
    for (const container of containers) {
      expect(stdout).toMatch(new RegExp(` ${container}  healthy, with a stand-in for the daemon`));
      expect(stdout).toMatch(new RegExp(` ${container} +\\d+ ms +\\d+ ms +(0|143)\\n`));
    }
    expect(stdout).toContain(
      'connected to all 7 endpoints: samp-1, samp-2, samp-3, samp-4, agg-11, agg-12, agg-2',
    );
    expect(stdout).toMatch(/GET http:\/\/cygnus-07:\d+\/grafana\/: 200/);
    expect(stdout).toMatch(/GET http:\/\/cygnus-07:\d+\/api\/health: 200/);
    expect(stdout).toMatch(/all stopped and removed in \d+\.\d s/);
    expect(await leftOver()).toBe('');
  },
);

testNeeding(['docker engine'], 'images that are not there are named, and nothing is started', async () => {
  const { code, stderr } = await cygnus('--namespace=localhost/ldms-none');
  expect(stderr).toMatch(
    /^cygnus: docker has no localhost\/ldms-none\/ldms-samp:latest, .*ldms-grafana:latest\n$/,
  );
  expect(code).toBe(69);
  expect(await leftOver()).toBe('');
});
