/** Whether the addresses that a daemon is to listen on can be listened on. */
import type { Host, TcpAddress } from './host.ts';
import type { Answers, Question, Requirement } from './plan.ts';

/** What a plan has of it. */
export interface Listening {
  readonly requirements: readonly Requirement[];
  readonly questions: readonly Question[];
}

/**
 * That each address is free, and that we may listen on it.
 *
 * @param answers those of an earlier plan, if there was one
 * @param remedy how another port than the given one is chosen
 */
export function mayListen(
  addresses: readonly TcpAddress[],
  answers: Answers,
  host: Host,
  remedy: (port: number) => string,
): Listening {
  const answer = answers.addresses;
  if (addresses.length === 0) return { requirements: [], questions: [] };
  if (!answer) return { requirements: [], questions: [{ about: 'addresses', addresses }] };
  const requirements = addresses.map((at): Requirement => {
    const what = `port ${at.port}`;
    const wrong = words[answer[written(at)] ?? ''];
    if (wrong === undefined) return { what, found: 'free' };
    const text = `cannot listen on ${written(at)}: ${wrong(host)}`;
    return { what, problem: { kind: 'configuration', what: text, remedy: remedy(at.port) } };
  });
  return { requirements, questions: [] };
}

const words: Readonly<Record<string, (host: Host) => string>> = {
  EADDRINUSE: () => 'somebody listens there already',
  EACCES: (host) => `uid ${host.uid} may only take ports from ${firstFreePort(host)} on`,
};

/** An address as people write it, which is also the answers' key. */
export const written = ({ address, port }: TcpAddress): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

// CAP_NET_BIND_SERVICE, as capabilities(7) numbers it.
const bindService = 10n;

/** Why an address cannot be listened on, as far as looking tells: `EADDRINUSE` or `EACCES`, or an empty string. */
export function whyNotListen({ address, port }: TcpAddress, host: Host): string {
  const isTaken = host.listening().some((taken) => taken.port === port && clashes(taken.address, address));
  if (isTaken) return 'EADDRINUSE';
  return port < firstFreePort(host) && !((host.capabilities() >> bindService) & 1n) ? 'EACCES' : '';
}

/** Only addresses of one family are compared: whether `::` takes IPv4 as well does not show. */
function clashes(one: string, other: string): boolean {
  if (one.includes(':') !== other.includes(':')) return false;
  const all = one.includes(':') ? '::' : '0.0.0.0';
  return one === other || one === all || other === all;
}

/** The first port that everybody may listen on (ip_unprivileged_port_start of ip-sysctl). */
function firstFreePort(host: Host): number {
  const start = host.read('/proc/sys/net/ipv4/ip_unprivileged_port_start');
  return Buffer.isBuffer(start) ? Number(start.toString()) : 1024;
}
