/** Two builds of the same sources give the same bytes: the program's, and those of the images' contexts. */
import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { commonImage, imageNames } from '../../images/build/images.ts';
import { type Builder, makeBuilder } from '../support/images.ts';
import { repository, run } from '../support/program.ts';

/** What two builders have different: each a shell's own, for all that it starts. */
interface Surroundings {
  readonly umask: string;
  readonly env: NodeJS.ProcessEnv;
}
const here: Surroundings = { umask: '022', env: { TZ: 'UTC', LC_ALL: 'C.UTF-8' } };
const elsewhere: Surroundings = { umask: '077', env: { TZ: 'Asia/Kolkata', LC_ALL: 'tr_TR.UTF-8' } };

/** Runs a program to its end, which has to be a good one. */
async function inShell({ umask, env }: Surroundings, cwd: string, words: readonly string[]): Promise<string> {
  const script = `umask ${umask}; exec "$@"`;
  const { code, stdout, stderr } = await run('/bin/sh', ['-c', script, 'sh', ...words], {
    cwd,
    env: { ...process.env, ...env },
  });
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  return stdout;
}

describe('the program', () => {
  /** A checkout at a path of its own, with what the program is built from. */
  function checkout(name: string): string {
    const place = mkdtempSync(join(tmpdir(), 'ldms-reproducible-'));
    onTestFinished(() => rmSync(place, { recursive: true, force: true }));
    const directory = join(place, name);
    mkdirSync(directory, { recursive: true });
    for (const path of ['build.mjs', 'package.json', 'package-lock.json', 'src', 'images/build']) {
      cpSync(join(repository, path), join(directory, path), { recursive: true });
    }
    symlinkSync(join(repository, 'node_modules'), join(directory, 'node_modules'));
    return directory;
  }

  async function build(directory: string, surroundings: Surroundings): Promise<string> {
    await inShell(surroundings, directory, [process.execPath, 'build.mjs']);
    return createHash('sha256')
      .update(readFileSync(join(directory, 'dist/ldms-entrypoint')))
      .digest('hex');
  }

  // Side by side: what depends on when a thread gets its turn is not the same in both then.
  test('is the same bytes from two checkouts, built side by side; from another source it is not', async () => {
    const [one, other, changed] = [checkout('one'), checkout('at a longer path/other'), checkout('changed')];
    appendFileSync(join(changed, 'src/main.ts'), "process.title = 'changed';\n");
    const home = join(other, '../..');
    const far = { ...elsewhere, env: { ...elsewhere.env, TMPDIR: home, HOME: home } };
    const [its, others, changeds] = await Promise.all([
      build(one, here),
      build(other, far),
      build(changed, here),
    ]);
    expect(others).toBe(its);
    expect(changeds).not.toBe(its);
  }, 180_000);
});

describe('the contexts', () => {
  const ovis = join(repository, 'test/standins/ovis');

  /** A builder in a checkout of its own, and an OVIS tree that was copied there just now. */
  async function builderIn(surroundings: Surroundings): Promise<Builder> {
    const builder = makeBuilder();
    rmSync(builder.ovis, { recursive: true });
    await inShell(surroundings, builder.directory, ['cp', '-R', ovis, builder.ovis]);
    return builder;
  }

  /** All of each context that gets into an archive, and the archive's digest. */
  async function contexts(
    builder: Builder,
    surroundings: Surroundings,
    SOURCE_DATE_EPOCH: string,
  ): Promise<object> {
    const env = { ...builder.env, ...surroundings.env, SOURCE_DATE_EPOCH };
    const main = builder.path('images/build/main.ts');
    await inShell({ ...surroundings, env }, builder.directory, [process.execPath, main, 'contexts']);
    const made = await Promise.all(
      [commonImage, ...imageNames].map(async (image) => {
        const archive = builder.path(`${image}.tar`);
        const words = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '-C', builder.place];
        await inShell(here, builder.directory, ['tar', '-cf', archive, ...words, image]);
        const list = await inShell(here, builder.directory, ['tar', '-tvf', archive, '--full-time']);
        const digest = createHash('sha256').update(readFileSync(archive)).digest('hex');
        return [image, { list: list.split('\n'), digest }] as const;
      }),
    );
    return Object.fromEntries(made);
  }

  test('are the same bytes, with the same modes and times, from two checkouts', async () => {
    const one = await builderIn(here);
    const other = await builderIn(elsewhere);
    if (process.getuid?.() === 0) await inShell(here, '/', ['chown', '-hR', '12345:12345', other.ovis]);
    const its = await contexts(one, here, '1700000000');
    expect(its).toMatchObject({
      samp: { list: expect.arrayContaining([expect.stringContaining('samp/ovis/opt/ovis/sbin/ldmsd')]) },
    });
    expect(await contexts(other, elsewhere, '1700000000')).toEqual(its);
    // Another time is told, and so would anything else be.
    expect(await contexts(other, elsewhere, '1700000001')).not.toEqual(its);
  });
});
