/** Files of an image that is not started: it may be for another machine. */
import { randomBytes } from 'node:crypto';
import { execa } from 'execa';
import { extract } from 'tar-stream';
import type { Arch } from '../arch.ts';
import { type Asked, platformOption } from './stored.ts';

/**
 * Reads files of an image, by a container that is made and never started.
 *
 * @param paths absolute, and no symbolic links
 * @returns their texts, in that order
 * @throws Error naming a file that is not there
 */
export async function readInside(
  { name, signal }: Asked,
  image: string,
  arch: Arch,
  paths: readonly string[],
): Promise<readonly string[]> {
  const container = `ldms-images-save-${randomBytes(6).toString('hex')}`;
  const words = ['create', `--name=${container}`, '--pull=never', '--network=none', ...platformOption(arch)];
  // Not ended halfway, and not by a terminal's Ctrl-C either: the engine would go on, and leave a container.
  const wholly = { detached: true, stdin: 'ignore' } as const;
  try {
    await execa(name, [...words, image], wholly);
    const texts: string[] = [];
    for (const path of paths) {
      signal?.throwIfAborted();
      const { stdout } = await execa(name, ['cp', `${container}:${path}`, '-'], {
        encoding: 'buffer',
        ...(signal && { cancelSignal: signal }),
      });
      texts.push(await firstFileOf(stdout));
    }
    return texts;
  } finally {
    await execa(name, ['rm', '--force', container], { ...wholly, reject: false });
  }
}

/** The text of the first file in a tar archive. */
async function firstFileOf(archive: Uint8Array): Promise<string> {
  const entries = extract();
  entries.end(Buffer.from(archive));
  for await (const entry of entries) {
    const parts: Buffer[] = [];
    for await (const part of entry) parts.push(part as Buffer);
    if (entry.header.type === 'file') return Buffer.concat(parts).toString('utf8');
  }
  throw new Error('the engine has given no file');
}
