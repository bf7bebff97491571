/** Names of objects, of volumes and in labels: each a DNS label. */

// 63 are allowed, and Kubernetes appends up to 17 to a workload's name for the label of its pods' revision.
const longest = 45;

/**
 * A text as a DNS label that begins with a letter, as a Service's name has to.
 *
 * @param instead what stands before a text that begins with a digit, or in place of one of no letters at all
 */
export function dnsLabel(text: string, instead: string): string {
  const label = trimmed(text.toLowerCase().replace(/[^a-z0-9]+/g, '-'));
  return trimmed((/^[a-z]/.test(label) ? label : `${instead}-${label}`).slice(0, longest));
}

const trimmed = (label: string): string => label.replace(/^-+|-+$/g, '');

/**
 * Something that gives each wish a name of its own: agg, and agg-2 for whoever wants to be agg as well.
 *
 * @param taken names that nobody gets
 */
export function uniqueNames(taken: readonly string[] = []): (wish: string) => string {
  const used = new Set(taken);
  const nextOf = new Map<string, number>();
  return (wish) => {
    let name = wish;
    let next = nextOf.get(wish) ?? 2;
    for (; used.has(name); next++) name = `${wish}-${next}`;
    nextOf.set(wish, next);
    used.add(name);
    return name;
  };
}
