/** Where sources are kept between builds, and who works there now. */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Arch } from '../arch.ts';
import { repository } from '../metadata.ts';
import { BuilderError } from '../problem.ts';
import type { Component } from './components.ts';

/** The folder of everything that is kept of sources for an architecture. */
export const cacheOf = (arch: Arch): string => join(repository, 'dist/sources', arch);

/** What is kept of a component, all below its folder, which a build's container has at /build/NAME. */
export interface Place {
  readonly directory: string;
  /** The checkout. */
  readonly src: string;
  /** What the compiler makes. */
  readonly obj: string;
  /** What stands at PREFIX while it is built: the components that it needs, then itself too. */
  readonly tree: string;
  /** What it installs, and that alone; whole if `built` is there. */
  readonly dest: string;
  /** A marker for each stage that is done. */
  readonly stages: string;
  /** What is being built: Inputs as JSON. */
  readonly begun: string;
  /** What `dest` is: a Built as JSON. */
  readonly built: string;
}

/** The place of a component. */
export function placeOf(arch: Arch, component: Component): Place {
  const directory = join(cacheOf(arch), component);
  return {
    directory,
    src: join(directory, 'src'),
    obj: join(directory, 'obj'),
    tree: join(directory, 'tree'),
    dest: join(directory, 'dest'),
    stages: join(directory, 'stages'),
    begun: join(directory, 'begun.json'),
    built: join(directory, 'built.json'),
  };
}

/** Removes all that is kept of a component. */
export const forget = (arch: Arch, component: Component): void =>
  rmSync(placeOf(arch, component).directory, { recursive: true, force: true });

/**
 * Takes the folder for this process; two builds in it would take each other's files away.
 *
 * @returns what gives it back
 * @throws BuilderError if another has it
 */
export function lock(arch: Arch): () => void {
  const directory = cacheOf(arch);
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'lock');
  const mine = join(directory, `lock.${process.pid}`);
  writeFileSync(mine, `${process.pid} ${startTimeOf(process.pid)}\n`);
  try {
    while (!linked(mine, file)) {
      const [pid = '', since = ''] = readFileSync(file, 'utf8').trim().split(' ');
      if (startTimeOf(Number(pid)) === since) {
        throw new BuilderError('unavailable', [
          `another build of the sources is under way (pid ${pid}); wait for its end, or end it: kill ${pid}`,
        ]);
      }
      // Of a builder that was killed.
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(mine);
  }
  return () => rmSync(file, { force: true });
}

/** Makes a link, whole or not at all; false if there is a file of that name. */
function linked(to: string, at: string): boolean {
  try {
    linkSync(to, at);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** When a process began, in ticks since the boot (proc(5), stat's field 22); undefined if there is none. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name, in brackets, may have blanks.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
