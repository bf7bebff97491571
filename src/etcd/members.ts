/** The list of several maestro containers, as the user has written it. */
import { basename } from 'node:path';
import type { Host } from '../host.ts';
import { readMounted } from '../mounted.ts';
import type { Notice, Requirement } from '../plan.ts';
import type { Problem } from '../problem.ts';
import type { Settings } from '../settings.ts';

/** An entry of the list. */
export interface Member {
  /** A host's name or address, as the list has it, an IPv6 address without its brackets. */
  readonly name: string;
  /** Where its etcd listens to the others. */
  readonly port: number;
}

/** What was read of the list. */
export interface MemberList {
  /** In the order of the list. */
  readonly members: readonly Member[];
  /** What is wrong with it; empty if it can be used. */
  readonly requirements: readonly Requirement[];
  readonly notices: readonly Notice[];
}

const setting = 'LDMS_ENTRYPOINT_MAESTRO_MEMBERS';
// etcd's own advice; each write waits for more than half of them.
const mostMembers = 7;

/** Reads LDMS_ENTRYPOINT_MAESTRO_MEMBERS, or the file that it names; all that is wrong is told at once. */
export function readMembers(settings: Settings, host: Host): MemberList {
  const entries = entriesOf(settings.maestroMembers ?? '', host);
  if ('kind' in entries) return { members: [], requirements: [unusable(entries)], notices: [] };
  const members: Member[] = [];
  const problems: Problem[] = [];
  for (const { text, at } of entries.list) {
    const member = parseMember(text, settings.etcdPeerPort);
    if (!member) {
      problems.push({
        kind: 'configuration',
        what: `cannot use ${at}: "${text}" is no host name or address`,
        remedy: 'write each as HOST or HOST:PORT, and an IPv6 address in brackets',
      });
    } else if (members.some(({ name }) => isSame(name, member.name))) {
      problems.push({
        kind: 'configuration',
        what: `cannot use ${at}: ${member.name} is listed twice`,
        remedy: 'list each host once',
      });
    } else members.push(member);
  }
  const problem = problems.length > 0 ? undefined : wrongNumber(entries.list.length, entries.source);
  return {
    members,
    requirements: [...problems, ...(problem ? [problem] : [])].map(unusable),
    notices: evenNumber(members.length),
  };
}

const unusable = (problem: Problem): Requirement => ({ what: 'the members of maestro', problem });

/** The entries as they are written, each with its place for people. */
function entriesOf(
  given: string,
  host: Host,
): { source: string; list: readonly { text: string; at: string }[] } | Problem {
  if (!given.startsWith('/')) {
    return { source: setting, list: given.split(',').map((text) => ({ text: text.trim(), at: setting })) };
  }
  const path = host.path(given);
  const text = readMounted(path, given, basename(given), host);
  if (typeof text !== 'string') return text;
  const lines = text.replace(/^\ufeff/, '').split('\n');
  const list = lines.flatMap((line, index) =>
    line
      .replace(/#.*/, '')
      .split(/[\s,]+/)
      .filter((word) => word !== '')
      .map((word) => ({ text: word, at: `${path}:${index + 1}` })),
  );
  return { source: path, list };
}

function wrongNumber(found: number, source: string): Problem | undefined {
  if (found > 1 && found <= mostMembers) return undefined;
  return {
    kind: 'configuration',
    what: `cannot use ${source}: ${found} of several maestro containers are listed, and there must be 2 to 7`,
    remedy: `list 3 or 5 hosts, or unset ${setting}: maestro is alone then`,
  };
}

function evenNumber(members: number): Notice[] {
  if (members < 2 || members > mostMembers || members % 2 === 1) return [];
  const quorum = members / 2 + 1;
  const text = `of ${members} members of maestro, ${quorum} have to be there: the loss of ${members - quorum} can be borne, no more than with ${members - 1}; an odd number is better`;
  return [{ level: 'warn', text }];
}

/** One entry: `HOST`, `HOST:PORT`, `[IPv6]` or `[IPv6]:PORT`; undefined if it is malformed. */
export function parseMember(text: string, defaultPort: number): Member | undefined {
  const [, v6, name = '', port] = /^(?:\[([^[\]]*)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const number = port === undefined ? defaultPort : Number(port);
  if (number < 1 || number > 65_535) return undefined;
  if (v6 !== undefined) return isNumeric(v6) === 6 ? { name: v6, port: number } : undefined;
  // An address that has been mistyped must not be looked up as a name.
  const isHost = /^[\d.]+$/.test(name) ? isNumeric(name) === 4 : isHostName(name);
  return isHost ? { name, port: number } : undefined;
}

const isHostName = (text: string): boolean =>
  text.length <= 253 && text.split('.').every((label) => /^\w([\w-]{0,61}\w)?$/.test(label));

/** 4 or 6 for an address, 0 for anything else. A zone (`fe80::1%eth0`) has no meaning on another host. */
export function isNumeric(text: string): 0 | 4 | 6 {
  if (text.includes('%')) return 0;
  return process.getBuiltinModule('node:net').isIP(text) as 0 | 4 | 6;
}

/** A name or address in the one form in which it can be compared: of names, the case does not count. */
export const comparable = (host: string): string =>
  isNumeric(host) === 6 ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host.toLowerCase();

/** Whether two names, or two addresses, are the same. */
export const isSame = (one: string, other: string): boolean => comparable(one) === comparable(other);

/** Whether an address is the machine's own, and no other one's. */
export const isLoopback = (address: string): boolean =>
  /^127\./.test(address) || comparable(address) === '::1';

/** Host and port as a URL has them. */
export const authority = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
