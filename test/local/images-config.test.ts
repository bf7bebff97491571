/** images/config.env and `npm run images -- config`. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { readConfigText } from '../../images/build/config/file.ts';
import { resolveVariable } from '../../images/build/config/resolve.ts';
import { variables } from '../../images/build/config/variables.ts';
import { readWithBash } from '../support/bash.ts';
import { makeBuilder, withDocker } from '../support/images.ts';
import { testNeeding } from '../support/needs.ts';
import { repository } from '../support/program.ts';

testNeeding(['bash'], 'bash reads the same values from images/config.env as the builder', () => {
  const file = join(repository, 'images/config.env');
  const valuesOf = (text: string) => {
    const layer = readConfigText(text, file, repository);
    const wrong = [...layer.wrong];
    const values = variables.map(({ name, kind }) => {
      const { text, words } = resolveVariable(name, [layer], wrong);
      return [name, kind === 'list' ? words : text];
    });
    expect(wrong).toEqual([]);
    return Object.fromEntries(values);
  };
  const text = readFileSync(file, 'utf8');
  const [theirs] = readWithBash(
    [file],
    variables.map(({ name }) => name),
    repository,
  );
  expect(valuesOf(text)).toEqual(theirs);
  expect(theirs).toMatchObject({
    MAKE_INSTALL: 'make install-strip',
    SOS_OPTIONS: ['CFLAGS=-O2'],
    NUMSOS_OPTIONS: [],
  });
  // A difference in a word of a list, or in a value, is seen.
  expect(valuesOf(text.replace('--enable-papi', '--enable-papi2'))).not.toEqual(theirs);
  expect(valuesOf(text.replace('install-strip', 'install'))).not.toEqual(theirs);
});

describe('`config`', () => {
  test('shows what is in force and where it is set, without an engine', async () => {
    const builder = makeBuilder();
    builder.write(
      'site/my.env',
      '# This site\nOVIS_BRANCH=v4.4.4\nSOS_OPTIONS=(\n  # with symbols\n  CFLAGS="-g -O0"\n)\nBUILD_TAG=file\n',
    );
    const { code, stdout, stderr } = await builder.run(
      ['config', '--config', 'my.env', '--tag=4.4.4', '--numsos-options', '--x "a b"'],
      { env: { ...builder.env, NAMESPACE: 'registry.example:5000/hpc', BUILD_TAG: 'env' } },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((row) => row.split(/ {2,}/));
    expect(rows[0]).toEqual(['VARIABLE', 'SET IN', 'VALUE']);
    expect(rows.slice(1).map(([name]) => name)).toEqual(variables.map(({ name }) => name));
    const row = (name: string) => rows.find(([each]) => each === name)?.slice(1);
    expect(row('OVIS')).toEqual([expect.stringMatching(/^images\/config\.env:\d+$/), builder.ovis]);
    expect(row('DSOSDS')?.[1]).toBe(builder.dsosds);
    expect(row('OVIS_BRANCH')).toEqual(['my.env:2', 'v4.4.4']);
    expect(row('SOS_OPTIONS')).toEqual(['my.env:3', "CFLAGS='-g -O0'"]);
    expect(row('NAMESPACE')).toEqual(['environment', 'registry.example:5000/hpc']);
    expect(row('BUILD_TAG')).toEqual(['--tag', '4.4.4']);
    expect(row('NUMSOS_OPTIONS')).toEqual(['--numsos-options', "--x 'a b'"]);
    expect(row('ARCH')?.[1]).toBe(hostArch());
  });

  test('shows what somebody has changed in images/config.env', async () => {
    const builder = makeBuilder();
    const text = readFileSync(builder.path('images/config.env'), 'utf8');
    builder.write('images/config.env', text.replace(/^NAMESPACE=.*$/m, 'NAMESPACE=hpc'));
    const line = text.split('\n').findIndex((each) => each.startsWith('NAMESPACE=')) + 1;
    const { stdout } = await builder.run(['config']);
    expect(stdout).toMatch(new RegExp(`^NAMESPACE +images/config\\.env:${line} +hpc$`, 'm'));
  });
});

test('mistakes end with 64, those of every place told at once, before anything is done', async () => {
  const builder = withDocker();
  builder.write('site/my.env', 'BUILD_TGA=1\nOVIS_BRANCH=-x\nNUMSOS_REPO=$(pwd)\n');
  const { code, stdout, stderr } = await builder.run(
    ['build', 'samp', '--config=my.env', '--namespace=A', '--ovis-repo=https://me:secret@git.example/ovis'],
    { env: { ...builder.env, OVIS_BRNACH: 'main' } },
  );
  expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
  const said = stderr.trimEnd().split('\n');
  expect(said.slice(0, -1)).toEqual([
    'error: my.env:1:1: there is no variable BUILD_TGA; did you mean BUILD_TAG?',
    'error: my.env:3:13: commands are not run here: write what this one prints',
    'error: there is no variable OVIS_BRNACH (environment); did you mean OVIS_BRANCH?',
    "error: --namespace A: it is not what an image's name can begin with",
    expect.stringMatching(/^error: --ovis-repo https:\/\/…@git\.example\/ovis: its user and password /),
    expect.stringMatching(/^error: my\.env:2:1: OVIS_BRANCH=-x: a branch, a tag or a full commit/),
  ]);
  expect(said.at(-1)).toBe('npm run images -- build --help tells more');
  expect(stderr).not.toContain('secret');
  expect(builder.kept()).toEqual(['']);
});

test('a file that cannot be read is told, and not what it would have set', async () => {
  const builder = makeBuilder();
  const hint = 'npm run images -- config --help tells more\n';
  expect((await builder.run(['config', '--config=none.env'])).stderr).toBe(
    `error: cannot read none.env: there is no such file\n${hint}`,
  );
  rmSync(builder.path('images/config.env'));
  expect((await builder.run(['config'])).stderr).toBe(
    `error: cannot read images/config.env: there is no such file\n${hint}`,
  );
  builder.write('images/config.env', 'BUILD_TAG=latest\n');
  expect((await builder.run(['config'])).stderr).toContain(
    'error: images/config.env: NAMESPACE is missing\n',
  );
});

test('what publishing was told in a file is warned of, and building goes on', async () => {
  const builder = withDocker();
  builder.write('site/my.env', 'MANIFEST_IMAGES=( ovishpc/ldms-{samp,agg} )\n');
  expect((await builder.run(['list', '--config=my.env'])).code).toBe(64);
  builder.write('site/my.env', 'NAMESPACE=hpc\nBUILD_TAG=mine\nMANIFEST_TAG=4.4.4\n');
  const { code, stderr } = await builder.run(['build', 'samp', '--config=my.env']);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: 'warning: my.env:3: MANIFEST_TAG has no effect: this builder publishes nothing\n',
  });
  expect(builder.asked('samp')).toContain('--tag=hpc/ldms-samp:mine');
});
