/** What is sealed into the program that every image starts with: npm packages, and Node. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Arch } from '../arch.ts';
import { repository } from '../metadata.ts';

/** An npm package. */
export interface NpmPackage {
  /** For instance execa, or @scope/name. */
  readonly name: string;
  readonly version: string;
  /** What npm has for its file: `sha512-` and base64. */
  readonly integrity: string | undefined;
  /** As its author has it: mostly of SPDX. */
  readonly license: string | undefined;
  /** The places of those that it needs, as in `Program.packages`. */
  readonly needs: readonly string[];
}

/** The program and its parts. */
export interface Program {
  readonly name: string;
  readonly version: string;
  readonly license: string | undefined;
  /** By their place in package-lock.json: `node_modules/execa`. */
  readonly packages: Readonly<Record<string, NpmPackage>>;
  /** The places of those that the program itself names. */
  readonly needs: readonly string[];
  readonly node: { readonly version: string; readonly integrities: Readonly<Record<string, string>> };
}

/** What is read of package.json and package-lock.json. */
export interface PackageFiles {
  readonly manifest: string;
  readonly lock: string;
}

interface Locked {
  readonly name?: string;
  readonly version?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * The files that a revision has; those of the checkout for one that git does not know, or that was changed.
 *
 * @param revision as an image's label has it: a commit, `-dirty` behind it if files had been changed
 * @returns whether the revision is a commit that is not known here, as well
 */
export async function packageFilesOf(
  revision: string | undefined,
): Promise<PackageFiles & { readonly isStrange: boolean }> {
  const show = async (file: string) => {
    const { exitCode, stdout } = await execa('git', ['show', `${revision}:./${file}`], {
      cwd: repository,
      reject: false,
    });
    return exitCode === 0 ? stdout : undefined;
  };
  const isCommit = /^[0-9a-f]{40}$/.test(revision ?? '');
  if (isCommit) {
    const [manifest, lock] = await Promise.all([show('package.json'), show('package-lock.json')]);
    if (manifest && lock) return { manifest, lock, isStrange: false };
  }
  const read = (file: string) => readFileSync(join(repository, file), 'utf8');
  return { manifest: read('package.json'), lock: read('package-lock.json'), isStrange: isCommit };
}

/** Which packages are bundled: what the program depends on when it runs, and what that depends on. */
export function readProgram({ manifest, lock }: PackageFiles): Program {
  const { name, version, devDependencies, runtimes } = JSON.parse(manifest) as {
    name: string;
    version: string;
    devDependencies?: Record<string, string>;
    runtimes?: Record<string, string>;
  };
  const { packages = {} } = JSON.parse(lock) as { packages?: Record<string, Locked> };
  const root = packages[''] ?? {};
  const bundled: Record<string, NpmPackage> = {};
  const add = (place: string): void => {
    const locked = packages[place];
    if (!locked || bundled[place]) return;
    const needs = placesOf(place, locked, packages);
    bundled[place] = {
      name: locked.name ?? place.replace(/^.*node_modules\//, ''),
      version: locked.version ?? '',
      integrity: locked.integrity,
      license: locked.license,
      needs,
    };
    needs.forEach(add);
  };
  const needs = placesOf('', root, packages);
  needs.forEach(add);
  return {
    name,
    version,
    license: root.license,
    packages: bundled,
    needs,
    node: { version: devDependencies?.['node'] ?? 'unknown', integrities: runtimes ?? {} },
  };
}

/** Where the packages are that one at `place` needs: Node looks beside it, and then further and further up. */
function placesOf(place: string, locked: Locked, packages: Readonly<Record<string, Locked>>): string[] {
  const names = Object.keys({ ...locked.dependencies, ...locked.optionalDependencies });
  return names.flatMap((name) => {
    for (let from = place; ; from = from.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
      const at = `${from && `${from}/`}node_modules/${name}`;
      if (packages[at]) return [at];
      if (from === '') return [];
    }
  });
}

/** Node's npm package of an architecture, and its integrity. */
export function runtimeOf({ node }: Program, arch: Arch): { name: string; integrity: string | undefined } {
  const name = `node-linux-${arch === 'amd64' ? 'x64' : arch}`;
  return { name, integrity: node.integrities[`${name}@${node.version}`] };
}
