/** The sealed program that the images carry: built when its sources have changed. */
import { existsSync, globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Arch, hostArch } from './arch.ts';
import { repository } from './metadata.ts';

/** Where build.mjs puts it. */
export const entrypointFor = (arch: Arch): string =>
  join(repository, 'dist', arch === hostArch() ? 'ldms-entrypoint' : `ldms-entrypoint-${arch}`);

/** The command that builds it, or undefined if it is newer than all that it is made from. */
export function entrypointBuild(arch: Arch): readonly string[] | undefined {
  const built = entrypointFor(arch);
  const made = existsSync(built) ? statSync(built).mtimeMs : 0;
  const sources = [
    'build.mjs',
    'package.json',
    'package-lock.json',
    ...globSync(['src/**/*.ts', 'images/build/{arch,elf,problem,runtime}.ts'], { cwd: repository }),
  ];
  const newest = Math.max(...sources.map((file) => statSync(join(repository, file)).mtimeMs));
  return newest < made ? undefined : [process.execPath, join(repository, 'build.mjs'), '--arch', arch];
}
