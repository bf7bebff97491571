/** `manifest.json`: what a bundle has. The same images give the same one. */
import type { Arch } from '../arch.ts';
import type { EngineName } from '../engine.ts';
import { originOf, type Source } from './origin.ts';
import type { Stored } from './stored.ts';

/** What a bundle calls itself, which others' directories do not. */
export const bundleFormat = 'ldms-images-bundle';

/** An image, and what it is called by its content. */
export interface Saved extends Stored {
  /** Of its configuration, `sha256:…`: the id that it has wherever it is loaded, where ids are that. */
  readonly digest: string;
}

/** What all of the images have in common. */
export interface Common {
  readonly tag: string;
  readonly arch: Arch;
  readonly namespace: string;
  readonly engine: { readonly name: EngineName; readonly version: string };
}

/** As it is written. */
export interface Manifest extends Common {
  readonly format: typeof bundleFormat;
  readonly formatVersion: 1;
  /** Of the newest image: ISO 8601. */
  readonly created: string;
  readonly images: readonly {
    readonly names: readonly string[];
    readonly digest: string;
    /** In bytes, unpacked, as the engine tells it. */
    readonly size: number;
    readonly layers: readonly string[];
    readonly created: string;
    readonly version: string;
    readonly revision: string;
    /** By component; "unknown" for an image whose OVIS files or plugin were not built by this builder. */
    readonly sources: Readonly<Record<string, Omit<Source, 'name'>>> | 'unknown';
    /** Whether a file is not as it was built; left out where `sources` are unknown. */
    readonly changedByHand?: boolean;
  }[];
}

/** Makes it. */
export function manifestOf(images: readonly Saved[], { tag, arch, namespace, engine }: Common): Manifest {
  return {
    format: bundleFormat,
    formatVersion: 1,
    created:
      images
        .map(({ created }) => created)
        .sort()
        .at(-1) ?? '',
    tag,
    arch,
    namespace,
    engine: { name: engine.name, version: engine.version },
    images: images.map((image) => {
      const { version, revision, sources, changedByHand } = originOf(image);
      const { names, digest, size, layers, created } = image;
      return {
        names,
        digest,
        size,
        layers,
        created,
        version: version ?? 'unknown',
        revision: revision ?? 'unknown',
        sources: sources
          ? Object.fromEntries(sources.map(({ name, ...source }) => [name, source]))
          : 'unknown',
        ...(changedByHand === undefined ? {} : { changedByHand }),
      };
    }),
  };
}
