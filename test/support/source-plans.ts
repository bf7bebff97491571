/** Sources, variables and builds from sources as tests of the plan need them: made up, and in a cache of their own. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Config } from '../../images/build/config/config.ts';
import { type Component, components } from '../../images/build/sources/components.ts';
import { digestsBelow } from '../../images/build/sources/files.ts';
import type { Resolved } from '../../images/build/sources/git.ts';
import { placeOf } from '../../images/build/sources/place.ts';
import type { Plan } from '../../images/build/sources/plan.ts';
import { writeJson } from '../../images/build/sources/record.ts';

export const arch = 'amd64';

/** A directory that is removed when its test has finished. */
export function temporary(name = 'ldms-sources-'): string {
  const directory = mkdtempSync(join(tmpdir(), name));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The variables that matter to sources. */
export function makeConfig(differing: Partial<Config> = {}): Config {
  const source = (component: Component) => ({
    repository: `https://git.example/${component}`,
    ref: 'main',
    options: [`--with-${component}`],
  });
  return {
    ovis: '/site/ovis',
    dsosds: '/site/dsosds',
    prefix: '/opt/ovis',
    prefixUi: '/opt/ovis/ui',
    makeInstall: ['make', 'install-strip'],
    buildImage: undefined,
    buildContainer: 'ldms-cont-ovis-build',
    dsosdsBuildImage: undefined,
    dsosdsBuildContainer: 'dsosds-build',
    sources: Object.fromEntries(
      components.map((component) => [component, source(component)]),
    ) as unknown as Config['sources'],
    tag: 'latest',
    namespace: 'ovishpc',
    baseImage: undefined,
    grafanaImage: 'grafana',
    arch,
    warnings: [],
    ...differing,
  };
}

/** A commit, of one digit. */
export const commitOf = (digit: string): string => digit.repeat(40);

/** A source at a commit. */
export const sourceOf = (component: Component, commit = commitOf('1')): Resolved => ({
  component,
  repository: `https://git.example/${component}`,
  ref: 'main',
  name: 'refs/heads/main',
  commit,
});

/** Writes files below a directory, by their texts. */
export function writeFiles(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    const path = join(directory, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    utimesSync(path, 86_399, 86_399);
  }
}

/** Has a component in the cache as if it had been built as planned, with the files that it has installed. */
export function haveBuilt({ source, inputs }: Plan, files: Readonly<Record<string, string>>): void {
  const place = placeOf(arch, source.component);
  rmSync(place.dest, { recursive: true, force: true });
  mkdirSync(place.dest, { recursive: true });
  writeFiles(place.dest, files);
  writeJson(place.begun, inputs);
  writeJson(place.built, { inputs, files: digestsBelow(place.dest) });
}
