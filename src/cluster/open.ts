/** Reads an ldms_cfg.yaml, and finds what it runs and what is wrong with it. */
import { byPlace } from '../ldmscfg/place.ts';
import { type Finding, readLdmsConfig } from '../ldmscfg/read.ts';
import { deploy } from './deploy.ts';
import { filesOf } from './files.ts';
import { findings } from './findings.ts';
import type { Rendering } from './render/rendering.ts';
import type { Site } from './site.ts';

/** A cluster with its containers, and what was found in one pass. */
export interface Deployment extends Rendering {
  /** What keeps it from working; by position. */
  readonly mistakes: readonly Finding[];
  /** What is probably not meant; by position. */
  readonly warnings: readonly Finding[];
}

/**
 * Finds out what a cluster runs.
 *
 * @param text that of its ldms_cfg.yaml
 * @param given configuration files that are there already: `fileNames` of files.ts
 */
export async function deploymentOf(
  text: string,
  site: Site,
  given: ReadonlyMap<string, string> = new Map(),
): Promise<Deployment> {
  const { mistakes, warnings, cluster } = await readLdmsConfig(text);
  if (!cluster) return { site, containers: [], files: new Map(), mistakes, warnings };
  const containers = deploy(cluster, site);
  const found = findings(cluster, containers, site, given);
  return {
    site,
    containers,
    files: filesOf(text, cluster, containers, given),
    mistakes: [...mistakes, ...found.mistakes].toSorted(byPlace),
    // What follows from a mistake is no doubt of its own.
    warnings: [...warnings, ...(mistakes.length === 0 ? found.warnings : [])].toSorted(byPlace),
  };
}
