/**
 * `base`: a Debian base image made from a package mirror with mmdebstrap, for sites that reach a
 * mirror and no image registry. It has what debian:bookworm-slim has: the required packages and apt,
 * and of documentation the licences only.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describeArchive } from './archive.ts';
import { placeOf, type Terminal } from './build.ts';
import { findEngine, loadCommand } from './engine.ts';
import { readMetadata } from './metadata.ts';
import { madeBase } from './names.ts';
import type { Options } from './options.ts';
import { BuilderError, exitStatus } from './problem.ts';
import { megabytes } from './space.ts';
import { failureText, runSteps } from './steps.ts';

/** What dpkg leaves out, here and in all images that are built from the base. */
const leftOut = ['doc/*', 'groff/*', 'info/*', 'lintian/*', 'linda/*', 'locale/*', 'man/*'].map(
  (path) => `path-exclude=/usr/share/${path}`,
);
const kept = ['doc/*/copyright', 'locale/locale.alias'].map((path) => `path-include=/usr/share/${path}`);

/** Makes the base; the status to exit with. */
export async function base(
  options: Options,
  { print, complain }: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const engine = await findEngine(options.engine, signal);
  const { exitCode } = await execa('mmdebstrap', ['--version'], { reject: false, cancelSignal: signal });
  signal.throwIfAborted();
  if (exitCode !== 0)
    throw new BuilderError('unavailable', ['mmdebstrap is not installed: apt-get install mmdebstrap']);
  const { suite, arch, mirror } = options;
  const { created } = await readMetadata(process.env);
  const place = placeOf(arch);
  const image = madeBase(suite, arch);
  mkdirSync(place, { recursive: true });
  const work = mkdtempSync(join(place, 'base.'));
  const layer = join(work, 'base.tar');
  const [outcome] = await runSteps(
    [
      {
        name: 'base',
        title: image,
        after: [],
        log: join(place, 'log/base.log'),
        run: async ({ command }) => {
          const words = [
            'mmdebstrap',
            '--variant=minbase',
            // Else usrmerge would do that, which brings perl: 45 MB.
            '--include=usr-is-merged',
            '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
            `--architectures=${arch}`,
            ...[...leftOut, ...kept].map((option) => `--dpkgopt=${option}`),
            // Whoever builds from it by hand leaves out what is merely recommended, too.
            '--aptopt=APT::Install-Recommends "false"',
            // This machine's, which mmdebstrap copies; engines give each container its own.
            '--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf"',
            suite,
            layer,
            ...(mirror ? [mirror] : []),
          ];
          await command(words, { SOURCE_DATE_EPOCH: String(created) });
          const { size } = statSync(layer);
          const archive = join(work, 'image.tar');
          const madeBy = `mmdebstrap --variant=minbase ${suite}`;
          await command(await describeArchive(layer, { name: image, arch, created, madeBy }, archive));
          await command(loadCommand(engine, archive));
          return megabytes(size);
        },
      },
    ],
    1,
    signal,
  );
  rmSync(work, { recursive: true });
  if (outcome?.done) {
    const use =
      suite === 'bookworm'
        ? '`build` takes it where debian:bookworm-slim is not'
        : `build --base-image=${image}`;
    print(`\n${image} is there: ${use}\n`);
    return 0;
  }
  signal.throwIfAborted();
  if (outcome) complain(`\nerror: ${failureText(outcome)}`);
  return exitStatus.failed;
}
