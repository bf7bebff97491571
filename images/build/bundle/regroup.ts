/**
 * An archive of images, in an order that compresses well: layers that are nearly the same, as the one with our
 * program in images of different bases, would be too far from each other for a match. And as alike each time as
 * the engine lets it be: docker lists images in any order, and gives any time. Engines take every order.
 */
import { dirname, join } from 'node:path/posix';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Extract, Header, Pack } from 'tar-stream';

/** An image as an archive has it. */
export interface ArchivedImage {
  /** Of its configuration, `sha256:…`. */
  readonly digest: string;
  /** Its names, in the engine's own spelling. */
  readonly names: readonly string[];
}

/** How much larger a layer is in its archive than what it holds, at most, if it is few files. */
const archiveOverhead = 64 << 10;

/** A layer that waits for its twin. */
interface Held {
  readonly header: Header;
  readonly body: Buffer;
  readonly twin: number;
}

/**
 * Copies an archive; what it tells of its images (the Docker image specification, 1.2).
 *
 * @param twins the sizes that several layers have in common, in bytes: one of those is kept in memory until
 *   the next of the same size comes
 * @param reach how many bytes may be between two things that are compressed as one
 */
export async function regroup(
  from: Extract,
  to: Pack,
  twins: readonly number[],
  reach: number,
): Promise<readonly ArchivedImage[]> {
  let held: Held | undefined;
  let list: { readonly header: Header; readonly images: readonly Listed[] } | undefined;
  const links = new Map<string, string>();
  // docker gives a layer the time of whichever image it has met it in first.
  const put = (header: Header, body: Readable) => pipeline(body, to.entry({ ...header, mtime: new Date(0) }));
  const release = async () => {
    if (held) await put(held.header, Readable.from([held.body]));
    held = undefined;
  };
  for await (const entry of from) {
    const { header } = entry;
    const size = header.size ?? 0;
    const twin =
      size < reach ? twins.find((each) => size >= each && size < each + archiveOverhead) : undefined;
    if (header.type === 'symlink') links.set(header.name, join(dirname(header.name), header.linkname ?? ''));
    if (header.name === 'manifest.json') {
      list = { header, images: JSON.parse(await text(entry)) };
    } else if (twin !== undefined && !held) {
      held = { header, twin, body: await buffer(entry) };
    } else {
      if (held?.twin === twin) await release();
      await put(header, entry as unknown as Readable);
    }
  }
  await release();
  if (!list) throw new Error('what the engine has given is no archive of images');
  const images = list.images.map((image) => withoutLinks(image, links));
  images.sort((a, b) => (a.Config < b.Config ? -1 : 1));
  const body = Buffer.from(`${JSON.stringify(images)}\n`);
  await put({ ...list.header, size: body.length }, Readable.from([body]));
  to.finalize();
  return images.map(archived);
}

/** An image, in `manifest.json`. */
interface Listed {
  readonly Config: string;
  readonly RepoTags: readonly string[] | null;
  readonly Layers: readonly string[];
}

/**
 * Names layers by where they are. A layer that two images have on top of different ones is once a file and once
 * a link to it; podman takes such a link for an empty layer, if it comes to it first.
 */
const withoutLinks = (image: Listed, links: ReadonlyMap<string, string>): Listed => ({
  ...image,
  Layers: image.Layers.map((layer) => links.get(layer) ?? layer),
});

const archived = ({ Config, RepoTags }: Listed): ArchivedImage => ({
  digest: `sha256:${/[0-9a-f]{64}/.exec(Config)?.[0]}`,
  names: RepoTags ?? [],
});

/**
 * Finds an image by one of its names. docker leaves its own registry out of them, and podman puts
 * "localhost/" before those of what it has built.
 *
 * @throws Error if no image has that name
 */
export function findArchived(
  name: string,
  images: readonly ArchivedImage[],
): { readonly name: string; readonly digest: string } {
  const short = (any: string) => any.replace(/^(docker\.io|localhost)\//, '');
  for (const { names, digest } of images) {
    const found = names.find((each) => short(each) === short(name));
    if (found !== undefined) return { name: found, digest };
  }
  throw new Error(`the engine has left ${name} out of the archive`);
}
