/** `images.tar.zst`: what the engine saves, compressed on its way; it is never on disk uncompressed. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { execa } from 'execa';
import { type Extract, extract } from 'tar-stream';

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

/** An image as an archive has it. */
export interface ArchivedImage {
  /** Of its configuration, `sha256:…`. */
  readonly digest: string;
  /** Its names, in the engine's own spelling. */
  readonly names: readonly string[];
}

/** How an archive is made. */
export interface Saving {
  /** The command that prints it. */
  readonly command: readonly string[];
  /** Where that has its temporary files; undefined for where it likes. */
  readonly temporary: string | undefined;
  readonly file: string;
  /** Told again and again how many bytes have come, before they are compressed. */
  readonly progress: (bytes: number) => void;
  /** Given each line that the command complains with. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Level 6 with long matches, as measured with the six images (1.88 GB of layers): 426 MB. Level 3 takes half
 * of the time for 459 MB, level 9 twice the time for 409 MB. A larger window would find more, and `zstd -d`
 * refuses it unless it is told. Threads (ZSTD_c_nbWorkers) cut what Node's streams make short.
 */
const compression = {
  [constants.ZSTD_c_compressionLevel]: 6,
  [constants.ZSTD_c_enableLongDistanceMatching]: 1,
  [constants.ZSTD_c_windowLog]: 27,
  [constants.ZSTD_c_checksumFlag]: 1,
};

/**
 * Has the engine save images into a compressed file.
 *
 * @throws Error if the engine fails, the file cannot be written, or what comes is no archive of images
 */
export async function writeArchive(saving: Saving): Promise<Archive> {
  const { command, temporary, file, progress, say, signal } = saving;
  const [program = '', ...args] = command;
  const over = new AbortController();
  const child = execa(program, args, {
    stdin: 'ignore',
    buffer: { stdout: false },
    reject: false,
    cancelSignal: AbortSignal.any([signal, over.signal]),
    forceKillAfterDelay: 5_000,
    ...(temporary === undefined ? {} : { env: { TMPDIR: temporary } }),
  });
  const tar = extract();
  const described = readImages(tar);
  // It is waited for only when all has come.
  described.catch(() => undefined);
  const hash = createHash('sha256');
  let [uncompressed, size] = [0, 0];
  const look = async function* (parts: AsyncIterable<Buffer>) {
    for await (const part of parts) {
      uncompressed += part.length;
      progress(uncompressed);
      if (!tar.write(part)) await Promise.race([once(tar, 'drain'), described]);
      yield part;
    }
    tar.end(null);
  };
  const count = async function* (parts: AsyncIterable<Buffer>) {
    for await (const part of parts) {
      size += part.length;
      hash.update(part);
      yield part;
    }
  };
  const wrong = await pipeline(
    child.stdout,
    look,
    createZstdCompress({ params: compression, chunkSize: 1 << 20 }),
    count,
    // On disk, and not only on its way there, before anything is called whole.
    createWriteStream(file, { flags: 'wx', flush: true }),
    { signal },
  ).catch((error: NodeJS.ErrnoException) => {
    over.abort();
    return error;
  });
  const result = await child;
  for (const line of result.stderr.split('\n').filter(Boolean)) say(line);
  signal.throwIfAborted();
  if (wrong?.syscall) throw new Error(`cannot write ${file}: ${wrong.message}`);
  if (result.failed && !result.isCanceled) {
    throw new Error(
      `${program} save failed (${result.exitCode === undefined ? result.shortMessage : `exit code ${result.exitCode}`})`,
    );
  }
  if (wrong) throw wrong;
  return { size, sum: hash.digest('hex'), uncompressed, images: await described };
}

interface Described {
  readonly Config: string;
  readonly RepoTags: readonly string[] | null;
}

/** Reads the list of images out of an archive as it passes (the Docker image specification, 1.2). */
async function readImages(tar: Extract): Promise<readonly ArchivedImage[]> {
  let description: string | undefined;
  for await (const entry of tar) {
    const parts: Buffer[] = [];
    const isList = entry.header.name === 'manifest.json';
    for await (const part of entry) if (isList) parts.push(part as Buffer);
    if (isList) description = Buffer.concat(parts).toString('utf8');
  }
  if (description === undefined) throw new Error('the engine has given no archive of images');
  return (JSON.parse(description) as Described[]).map(({ Config, RepoTags }) => ({
    digest: `sha256:${/[0-9a-f]{64}/.exec(Config)?.[0]}`,
    names: RepoTags ?? [],
  }));
}
