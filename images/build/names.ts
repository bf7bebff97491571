/** What images are called. */
import { type Arch, hostArch } from './arch.ts';
import type { StepName } from './images.ts';

/** The Debian base that `base` makes, which no registry has. */
export const madeBase = (suite: string, arch: Arch): string =>
  `localhost/ldms-debian:${suite}-slim${arch === hostArch() ? '' : `-${arch}`}`;

/**
 * The names that an image is given: TAG and TAG-ARCH; TAG-ARCH alone when it is for another
 * architecture than this machine's, so that TAG always runs here.
 */
export function tagsOf(
  image: StepName,
  { namespace, tag, arch }: { namespace: string; tag: string; arch: Arch },
): readonly [string, ...string[]] {
  const name = `${namespace}/ldms-${image}`;
  const forArch = `${name}:${tag}-${arch}`;
  return arch === hostArch() ? [`${name}:${tag}`, forArch] : [forArch];
}
