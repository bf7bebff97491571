/** Where an image says that its files come from: its labels. */
import { sourcesLabel } from '../image.ts';
import type { Provenance } from '../sources/record.ts';
import type { Stored } from './stored.ts';

/** One of the sources that OVIS, or the grafana plugin, was built from. */
export interface Source {
  readonly name: string;
  readonly repository: string;
  /** As it was asked for: a branch, a tag or a commit. */
  readonly ref: string;
  /** 40 hexadecimal digits. */
  readonly commit: string;
}

/** What an image tells of where it comes from. */
export interface Origin {
  readonly version: string | undefined;
  /** The commit of the images' own repository. */
  readonly revision: string | undefined;
  /** An expression of SPDX. */
  readonly licenses: string | undefined;
  readonly description: string | undefined;
  /** Undefined for an image whose files were not built here. */
  readonly sources: readonly Source[] | undefined;
  /** Whether a file is not as it was built; undefined as `sources`. */
  readonly changedByHand: boolean | undefined;
}

/** Reads an image's labels. */
export function originOf({ labels }: Pick<Stored, 'labels'>): Origin {
  const provenance = readProvenance(labels[sourcesLabel]);
  const annotation = (name: string) => labels[`org.opencontainers.image.${name}`];
  return {
    version: annotation('version'),
    revision: annotation('revision'),
    licenses: annotation('licenses'),
    description: annotation('description'),
    sources: provenance && sourcesOf(provenance),
    changedByHand: provenance?.changedByHand,
  };
}

function readProvenance(label: string | undefined): Provenance | undefined {
  try {
    return label === undefined ? undefined : (JSON.parse(label) as Provenance);
  } catch {
    // Not one of ours: what it says is not known.
    return undefined;
  }
}

const sourcesOf = ({ components }: Provenance): readonly Source[] =>
  Object.entries(components)
    .map(([name, { repository, ref, commit }]) => ({ name, repository, ref, commit }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
