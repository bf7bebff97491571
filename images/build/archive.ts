/**
 * An image of one layer, as the archive that `docker load` takes (the Docker image specification, 1.2).
 * `docker import` would do, but it gives every image this machine's architecture and the present time.
 */
import { createHash } from 'node:crypto';
import { createReadStream, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Arch } from './arch.ts';

/** What the image is to be. */
export interface OneLayer {
  /** Its name, with a tag. */
  readonly name: string;
  readonly arch: Arch;
  /** In seconds since the epoch. */
  readonly created: number;
  /** What made the layer, for its history. */
  readonly madeBy: string;
}

/**
 * Writes what goes into the archive beside the layer.
 *
 * @param layer a tar archive of a whole file system
 * @returns the command that makes the archive at `to`
 */
export async function describeArchive(
  layer: string,
  image: OneLayer,
  to: string,
): Promise<readonly string[]> {
  const directory = dirname(layer);
  const created = new Date(image.created * 1000).toISOString();
  const config = {
    architecture: image.arch,
    os: 'linux',
    created,
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Cmd: ['bash'],
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${await digestOf(layer)}`] },
    history: [{ created, created_by: image.madeBy }],
  };
  const manifest = [{ Config: 'config.json', RepoTags: [image.name], Layers: [basename(layer)] }];
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  writeFileSync(join(directory, 'manifest.json'), JSON.stringify(manifest));
  return ['tar', '-cf', to, '-C', directory, 'manifest.json', 'config.json', basename(layer)];
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file)) hash.update(part);
  return hash.digest('hex');
}
