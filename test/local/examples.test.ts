/** examples/: what stands there is what ldms-cluster renders, byte for byte. */
import { appendFileSync, cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recordName } from '../../src/cluster/record.ts';
import { ways } from '../../src/cluster/render/index.ts';
import { settingsPy } from '../../src/cluster/settings-py.ts';
import { cygnus } from '../support/clusters.ts';
import { repository, run } from '../support/program.ts';
import { makeSite } from '../support/site.ts';

const example = join(repository, 'examples/cygnus');
const program = join(repository, 'dist/ldms-cluster');
const remedy = 'npm run docs renders it again';

const filesBelow = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(directory, path)).isFile())
    .sort();

describe.each(ways.map((way) => [way] as const))('examples/cygnus/%s', (way) => {
  test('is what ldms-cluster renders now', async () => {
    const { code, stdout, stderr } = await run(program, ['diff', join(example, way)]);
    expect({ code, stderr }, `${remedy}:\n${stdout}`).toEqual({ code: 0, stderr: '' });
  });

  test('has nothing else in it', () => {
    const record = JSON.parse(readFileSync(join(example, way, recordName), 'utf8'));
    expect(filesBelow(join(example, way)), remedy).toEqual([...Object.keys(record.files), recordName].sort());
    expect(record).toMatchObject({ as: way, file: '../ldms_cfg.yaml', options: { suffix: '-iw' } });
  });
});

test('a file with one letter more is noticed', async () => {
  const copy = join(makeSite().root, 'cygnus');
  cpSync(example, copy, { recursive: true });
  appendFileSync(join(copy, 'docker/cygnus-01/start.sh'), '#');
  const { code, stdout } = await run(program, ['diff', join(copy, 'docker')]);
  expect(stdout).toContain('docker/cygnus-01/start.sh was changed by hand');
  expect(code).toBe(1);
});

test('check finds nothing wrong with the example', async () => {
  const { code, stdout, stderr } = await run(program, [
    'check',
    '--strict',
    '--suffix=-iw',
    join(example, 'ldms_cfg.yaml'),
  ]);
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
});

test.each(['dsosd.conf', 'dsosd.json', 'settings.py'])(
  '%s of the example is what would be made from its ldms_cfg.yaml',
  async (name) => {
    const { files } = await cygnus();
    expect(readFileSync(join(example, name), 'utf8')).toBe(files.get(name));
  },
);

test('settings.py opens nothing to strangers: no DEBUG, no key in it, no wildcard', () => {
  const text = settingsPy('cygnus-07', '/store');
  expect(text).toMatch(/^DEBUG = False$/m);
  expect(text).toMatch(/^ALLOWED_HOSTS = \['cygnus-07', 'localhost', '127.0.0.1'\]$/m);
  expect(text).not.toMatch(/^SECRET_KEY = ['"]/m);
});
