/** Findings and tables, for people. */
import { byPlace } from '../ldmscfg/place.ts';
import type { Finding } from '../ldmscfg/read.ts';
import { type Container, type Mount, variantsOf } from './container.ts';
import { foldHosts } from './hosts.ts';
import type { Deployment } from './open.ts';
import { imageOf } from './site.ts';

// Of a file that is something else altogether, nobody reads a thousand lines.
const mostFindings = 100;

/**
 * Each finding on a line of its own, by position: `ldms_cfg.yaml:12:7: error: …`. Empty if there are none.
 *
 * @param file as the user wrote it
 */
export function findingsText(
  file: string,
  { mistakes, warnings }: Pick<Deployment, 'mistakes' | 'warnings'>,
): string {
  const told = (word: string) => (finding: Finding) => ({
    ...finding,
    text: `${file}:${finding.line}:${finding.column}: ${word}: ${finding.text}\n`,
  });
  const all = [...mistakes.map(told('error')), ...warnings.map(told('warning'))].toSorted(byPlace);
  const more = all.length > mostFindings ? `… and ${all.length - mostFindings} more\n` : '';
  return all
    .slice(0, mostFindings)
    .map(({ text }) => text)
    .join('')
    .concat(more);
}

/** How much was found: "2 mistakes, 1 warning". */
export const countText = ({ mistakes, warnings }: Pick<Deployment, 'mistakes' | 'warnings'>): string =>
  `${count(mistakes.length, 'mistake')}, ${count(warnings.length, 'warning')}`;

/** A number for people: "10,000". */
export const numeral = (number: number): string => number.toLocaleString('en-US');

/** A number of things: "1 host", "2 hosts". */
export const count = (number: number, what: string): string =>
  `${numeral(number)} ${what}${number === 1 ? '' : 's'}`;

/**
 * What each host runs, as a table.
 *
 * @param isEach a line for each host, and not one for all that run the same
 */
export function planText({ containers, site }: Deployment, isEach: boolean): string {
  const variants = isEach
    ? containers.map((container) => ({ container, containers: [container], nodes: [container.node] }))
    : variantsOf(containers);
  const rows = variants.map(({ container, containers: same, nodes }) => [
    foldHosts(nodes),
    container.name,
    imageOf(container.role, site),
    listensText(container, nodes),
    container.daemon ? (container.listens[0]?.auth ?? '') : '',
    foldHosts(same.flatMap(({ component }) => (component ? [String(component.number)] : []))).replace(
      /[[\]]/g,
      '',
    ),
    container.mounts.map(mountText).join(' '),
  ]);
  const hosts = new Set(containers.map(({ node }) => node)).size;
  const head = ['hosts', 'container', 'image', 'listens', 'auth', 'component', 'mounts'];
  return `${table([head, ...rows])}\n${count(hosts, 'host')}, ${count(containers.length, 'container')}\n`;
}

const listensText = ({ listens, node }: Container, nodes: readonly string[]): string =>
  listens
    .map(({ xprt, port, address }) => {
      const each = address === node && nodes.length > 1 ? 'HOST' : address;
      return [xprt, ...(each === undefined ? [] : [each]), port].join(':');
    })
    .join(' ');

const mountText = ({ from, to, readOnly }: Mount): string =>
  `${from === to ? to : `${from}:${to}`}${readOnly ? '' : ' (rw)'}`;

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  return `${rows.map(line).join('\n')}\n`;
}
