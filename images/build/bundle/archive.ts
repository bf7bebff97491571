/** `images.tar.zst`: what the engine saves, compressed on its way; it is never on disk uncompressed. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { execa } from 'execa';
import { extract, pack } from 'tar-stream';
import { type ArchivedImage, regroup } from './regroup.ts';

/** What an archive has turned out to be. */
export interface Archive {
  /** In bytes, compressed. */
  readonly size: number;
  /** Its SHA-256, in hexadecimal. */
  readonly sum: string;
  /** In bytes, before it was compressed. */
  readonly uncompressed: number;
  readonly images: readonly ArchivedImage[];
}

/** How an archive is made. */
export interface Saving {
  /** The command that prints it. */
  readonly command: readonly string[];
  /** Where that has its temporary files; undefined for where it likes. */
  readonly temporary: string | undefined;
  /** The sizes that several layers have in common, in bytes. */
  readonly twins: readonly number[];
  readonly file: string;
  /** Told again and again how many bytes have come, before they are compressed. */
  readonly progress: (bytes: number) => void;
  /** Given each line that the command complains with. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** How far back a match is found: the most that `zstd -d` takes without being told. */
const windowLog = 27;

/**
 * Level 6 with long matches, as measured with the six images (1.76 GB of layers, 425 MB compressed): level 3 takes
 * half of the time for 8 % more, level 9 half as long again for 4 % less, and without long matches it is 12 %
 * more. Not by several threads (ZSTD_c_nbWorkers): Node's stream ends before they do, and cuts what they make.
 */
const compression = {
  [constants.ZSTD_c_compressionLevel]: 6,
  [constants.ZSTD_c_enableLongDistanceMatching]: 1,
  [constants.ZSTD_c_windowLog]: windowLog,
  [constants.ZSTD_c_checksumFlag]: 1,
};

/**
 * Has the engine save images into a compressed file.
 *
 * @throws Error if the engine fails, the file cannot be written, or what comes is no archive of images
 */
export async function writeArchive(saving: Saving): Promise<Archive> {
  const { command, temporary, twins, file, progress, say, signal } = saving;
  const [program = '', ...args] = command;
  const [over, enough] = [new AbortController(), new AbortController()];
  const stop = AbortSignal.any([signal, over.signal]);
  const child = execa(program, args, {
    stdin: 'ignore',
    buffer: { stdout: false },
    reject: false,
    cancelSignal: AbortSignal.any([signal, enough.signal]),
    forceKillAfterDelay: 5_000,
    ...(temporary === undefined ? {} : { env: { TMPDIR: temporary } }),
  });
  const [given, regrouped] = [extract(), pack()];
  const hash = createHash('sha256');
  let [uncompressed, size] = [0, 0];
  const measure = async function* (parts: AsyncIterable<Buffer>) {
    for await (const part of parts) {
      uncompressed += part.length;
      progress(uncompressed);
      yield part;
    }
  };
  const sum = async function* (parts: AsyncIterable<Buffer>) {
    for await (const part of parts) {
      size += part.length;
      hash.update(part);
      yield part;
    }
  };
  let wrong: NodeJS.ErrnoException | undefined;
  // What one of them ends with ends the others; the first is what is wrong.
  const together = <T>(flow: Promise<T>) =>
    flow.catch((error: unknown) => {
      wrong ??= error instanceof Error ? error : new Error(String(error));
      over.abort();
      // One that has said all is about to tell how it ended, which is worth more.
      if (!child.stdout.readableEnded) enough.abort();
      return undefined;
    });
  const [images] = await Promise.all([
    together(regroup(given, regrouped, twins, 2 ** windowLog)),
    together(pipeline(child.stdout, measure, given, { signal: stop })),
    together(
      pipeline(
        regrouped,
        createZstdCompress({ params: compression, chunkSize: 1 << 20 }),
        sum,
        // On disk, and not only on its way there, before anything is called whole.
        createWriteStream(file, { flags: 'wx', flush: true }),
        { signal: stop },
      ),
    ),
  ]);
  const result = await child;
  for (const line of result.stderr.split('\n').filter(Boolean)) say(line);
  signal.throwIfAborted();
  if (wrong?.syscall) throw new Error(`cannot write ${file}: ${wrong.message}`);
  if (result.failed && !result.isCanceled) {
    const how = result.exitCode === undefined ? result.shortMessage : `exit code ${result.exitCode}`;
    throw new Error(`${program} save failed (${how})`);
  }
  if (wrong || !images) throw wrong;
  return { size, sum: hash.digest('hex'), uncompressed, images };
}
