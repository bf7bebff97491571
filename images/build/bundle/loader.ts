/** `load.sh` and `README.txt`: what a bundle has for the other side, where there is a shell and an engine. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Arch } from '../arch.ts';
import type { Archive } from './archive.ts';
import type { Saved } from './manifest.ts';
import { fileNames } from './place.ts';

/** An image as `load.sh` looks for it. */
export interface Loadable extends Pick<Saved, 'names' | 'digest'> {
  /** What each of its names is in the archive. */
  readonly archived: Readonly<Record<string, string>>;
}

/** The script, with what this bundle has. */
export function loaderOf(images: readonly Loadable[], arch: Arch, { size }: Pick<Archive, 'size'>): string {
  const rows = images.flatMap(({ names, digest, archived }) =>
    names.map((name) => `${digest.replace('sha256:', '')} ${name} ${archived[name] ?? name}`),
  );
  const values = { ARCH: arch, BYTES: String(size), IMAGES: rows.join('\n') };
  return readFileSync(join(import.meta.dirname, 'load.sh'), 'utf8').replace(
    /@(ARCH|BYTES|IMAGES)@/g,
    (_, key: keyof typeof values) => values[key],
  );
}

/** Ten lines for whoever is given the bundle. */
export function readmeOf(images: readonly Pick<Saved, 'names'>[], arch: Arch, created: string): string {
  return `\
LDMS container images for linux/${arch}, made ${created.slice(0, 10)}: ${images.length === 1 ? 'one image' : `${images.length} images`}.

  sh ${fileNames.loader} --check    sees whether all files are as they were saved, and loads nothing
  sh ${fileNames.loader}            does the same, then loads the images into docker, podman or containerd
  sh ${fileNames.loader} --help     tells more, and what the images are called

It takes one of these engines, and zstd where the engine is not podman; no network and nothing else.
${fileNames.manifest} tells what each image was made from, and ${fileNames.sboms}/ what is in it (CycloneDX 1.6).
A file that was cut or changed on its way is named, and then nothing is loaded: copy the bundle again.
`;
}
