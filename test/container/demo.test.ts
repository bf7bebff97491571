/** `npm run demo -- --containers`: the six images side by side. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { imageNames } from '../../images/build/images.ts';
import { engine, namespace } from '../support/containers.ts';
import { testNeeding } from '../support/needs.ts';
import { repository, run } from '../support/program.ts';

const demo = (...words: string[]) =>
  run(process.execPath, [join(repository, 'test/demo/demo.ts'), '--containers', '--once', ...words]);

testNeeding(
  ['docker engine', 'root'],
  'all six start, serve, and stop; nothing of them is left',
  async () => {
    const { code, stdout, stderr } = await demo(`--namespace=${namespace}`);
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    for (const image of imageNames) {
      expect(stdout).toMatch(new RegExp(` ${image} +\\d+ ms +\\d+ ms +(0|129|143)\\n`));
    }
    expect(stdout).toMatch(/ldms_ls .*\/meminfo/);
    expect(stdout).toMatch(/GET \S+\/grafana\/: 200/);
    expect((await engine(['ps', '-aq', '--filter', 'name=ldms-demo-'])).stdout).toBe('');
  },
);

testNeeding(['docker engine'], 'images that are not there are told, with what makes them', async () => {
  const { code, stderr } = await demo('--namespace=localhost/ldms-none');
  expect(stderr).toMatch(
    /^demo: docker has no localhost\/ldms-none\/ldms-dev:latest, .*npm run images -- build --ovis DIR/,
  );
  expect(code).toBe(69);
});
