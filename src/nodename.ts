/** What the name of a node tells. */

/**
 * The last number in a node's name before the first dot, without its leading zeros: nid00100 → 100,
 * cygnus-01.example.org → 1, node7-ib → 7, nid00000 → 0. LDMS calls such a number the node's component.
 *
 * @returns undefined for a name without a number, for an address (10.1.2.3, fe80::1), whose numbers do not
 *   stand for the node alone, and for a number beyond Number.MAX_SAFE_INTEGER, which would be rounded
 */
export function numberOf(node: string): number | undefined {
  if (/^\d+(\.\d+){3}$|:/.test(node)) return undefined;
  const [label = ''] = node.split('.');
  const number = Number(label.match(/\d+/g)?.at(-1) ?? Number.NaN);
  return Number.isSafeInteger(number) ? number : undefined;
}
