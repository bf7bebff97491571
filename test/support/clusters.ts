/** Clusters for the tests of ldms-cluster. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Deployment, deploymentOf } from '../../src/cluster/open.ts';
import { anySite, type Site } from '../../src/cluster/site.ts';
import { repository } from './program.ts';

/** The ldms_cfg.yaml of the cygnus example. */
export const cygnusYaml = readFileSync(join(repository, 'examples/cygnus/ldms_cfg.yaml'), 'utf8');

/** The cygnus example, as a site wants it; what is not said is as `anySite` has it, and the suffix -iw. */
export const cygnus = (site: Partial<Site> = {}): Promise<Deployment> =>
  deploymentOf(cygnusYaml, { ...anySite, suffix: '-iw', ...site });

/** Another cluster, of one file. */
export const clusterOf = (text: string, site: Partial<Site> = {}): Promise<Deployment> =>
  deploymentOf(text, { ...anySite, ...site });
