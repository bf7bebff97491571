/** The words behind `npm run images --`, and the inputs: what is told before an engine is asked. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withDocker } from '../support/images.ts';
import { testNeeding } from '../support/needs.ts';
import { repository, run } from '../support/program.ts';

test.each([{ words: [] }, { words: ['--help'] }])('help: $words', async ({ words }) => {
  const { code, stdout, stderr } = await withDocker().run(words);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^usage: npm run images -- COMMAND \[WORD\.\.\.\] \[OPTION\.\.\.\]\n/);
});

test('help: of one command', async () => {
  const { code, stdout, stderr } = await withDocker().run(['list', '--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^usage: npm run images -- list \[IMAGE\.\.\.\] \[OPTION\.\.\.\]\n/);
});

test('mistakes end with 64, all of them told, before anything is done', async () => {
  const builder = withDocker();
  expect(await builder.run(['build', 'smap', '--tga=1'])).toEqual({
    code: 64,
    stdout: '',
    stderr: [
      'error: there is no option --tga; did you mean --tag?',
      'error: build makes no smap; there are dev, samp, agg, maestro, ui, grafana, ovis, dsosds and all',
      'npm run images -- build --help tells more\n',
    ].join('\n'),
  });
  expect(builder.kept()).toEqual(['']);
});

test('wrong inputs end with 65, all of them told, before an engine is asked', async () => {
  const builder = withDocker();
  for (const file of ['sbin/ldmsd', 'bin/maestro']) rmSync(join(builder.ovis, file));
  rmSync(join(builder.dsosds, 'plugin.json'));
  for (const command of ['build', 'contexts']) {
    expect(await builder.run([command])).toEqual({
      code: 65,
      stdout: '',
      stderr: [
        `error: the OVIS tree ${builder.ovis} lacks ldmsd (sbin/ldmsd), which ldms-samp and ldms-agg need`,
        `error: the OVIS tree ${builder.ovis} lacks maestro (bin/maestro), which ldms-maestro needs`,
        `error: the plugin folder ${builder.dsosds} has no plugin.json; build dsosds into it, or give another: --dsosds DIR`,
        '',
      ].join('\n'),
    });
  }
  expect(builder.kept()).toEqual(['']);
  expect(existsSync(builder.place)).toBe(false);
});

test('only what the named images need is looked at', async () => {
  const builder = withDocker();
  rmSync(join(builder.ovis, 'bin/maestro'));
  rmSync(builder.dsosds, { recursive: true });
  const { code, stderr } = await builder.run(['build', 'samp', 'ovishpc/ldms-ui']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(builder.ended().sort()).toEqual(['common', 'samp', 'ui']);
});

test('a time that is none ends with 64', async () => {
  const builder = withDocker();
  const env = { ...builder.env, SOURCE_DATE_EPOCH: 'yesterday' };
  const { code, stderr } = await builder.run(['build'], { env });
  expect(code).toBe(64);
  expect(stderr).toContain('error: SOURCE_DATE_EPOCH=yesterday: seconds since 1970, in digits\n');
});

test('relative paths are relative to where npm was called, or else to where the builder was', async () => {
  const builder = withDocker();
  const told = async (words: string[], env: NodeJS.ProcessEnv, cwd: string) => {
    const { stderr } = await builder.run(['build', 'samp', ...words], { env, cwd });
    return /the OVIS tree (\S+):/.exec(stderr)?.[1];
  };
  const { INIT_CWD: _, ...env } = builder.env;
  expect(await told([], { ...env, INIT_CWD: '/elsewhere' }, builder.directory)).toBe('/elsewhere/ovis');
  expect(await told(['--ovis', 'my/ovis'], env, builder.directory)).toBe(builder.path('my/ovis'));
});

testNeeding(['npm'], '`npm run images` in a directory below is the same', async () => {
  const builder = withDocker();
  const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
  builder.write(
    'package.json',
    JSON.stringify({ version: '9.8.7', type: 'module', scripts: { images: manifest.scripts.images } }),
  );
  mkdirSync(builder.path('below'));
  const { code, stderr } = await run(
    'npm',
    ['run', '--silent', 'images', '--', 'build', 'samp', '--ovis', '../my/ovis'],
    { cwd: builder.path('below'), env: { ...builder.env, PATH: process.env['PATH'] } },
  );
  expect(stderr).toBe(
    `error: cannot read the OVIS tree ${builder.path('my/ovis')}: it does not exist; give another: --ovis DIR\n`,
  );
  expect(code).toBe(65);
});
