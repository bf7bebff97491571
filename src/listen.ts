/** Whether the addresses that a daemon is to listen on can be listened on. */
import type { Host, TcpAddress } from './host.ts';
import type { Answers, Question, Requirement } from './plan.ts';

/** What a plan has of it. */
export interface Listening {
  readonly requirements: readonly Requirement[];
  readonly questions: readonly Question[];
}

/**
 * That each address is free, and that we may listen on it. Names are left to the daemon, which may ask
 * the network, as is port 0, which is any that is free.
 *
 * @param answers those of an earlier plan, if there was one
 * @param remedy how another port than the given one is chosen
 */
export function mayListen(
  addresses: readonly TcpAddress[],
  answers: Answers,
  host: Host,
  remedy: (at: TcpAddress) => string,
): Listening {
  const bad = (at: TcpAddress, why: string): Requirement => {
    const what = `cannot listen on ${written(at)}: ${why}`;
    return { what: `port ${at.port}`, problem: { kind: 'configuration', what, remedy: remedy(at) } };
  };
  const isPort = ({ port }: TcpAddress) => Number.isInteger(port) && port >= 0 && port < 65_536;
  const none = addresses
    .filter((at) => !isPort(at))
    .map((at) => bad(at, 'a port is a number from 1 to 65535'));
  const asked = addresses.filter((at) => isPort(at) && at.port > 0 && isAddress(at.address));
  const answer = answers.addresses;
  if (!answer || asked.length === 0) {
    const trimmed = asked.map(({ address, port }) => ({ address, port }));
    return {
      requirements: none,
      questions: asked.length > 0 ? [{ about: 'addresses', addresses: trimmed }] : [],
    };
  }
  const looked = asked.map((at): Requirement => {
    const wrong = words[answer[written(at)] ?? ''];
    return wrong === undefined ? { what: `port ${at.port}`, found: 'free' } : bad(at, wrong(host));
  });
  return { requirements: [...none, ...looked], questions: [] };
}

/** Whether this is a numeric address. */
function isAddress(address: string): boolean {
  const octets = address.split('.').map((octet) => (/^\d{1,3}$/.test(octet) ? Number(octet) : 256));
  return address.includes(':') || (octets.length === 4 && octets.every((octet) => octet < 256));
}

const words: Readonly<Record<string, (host: Host) => string>> = {
  EADDRINUSE: () => 'somebody listens there already',
  EADDRNOTAVAIL: () => 'this machine does not have that address',
  EACCES: (host) =>
    `uid ${host.uid}${host.uid === 0 ? ' without CAP_NET_BIND_SERVICE (docker run --cap-add=NET_BIND_SERVICE)' : ''} may only take ports from ${firstFreePort(host)} on`,
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
  return isLow(port, host) && !((host.capabilities() >> bindService) & 1n) ? 'EACCES' : '';
}

/** Whether a port is one of those that need a right. */
export const isLow = (port: number, host: Host): boolean => port < firstFreePort(host);

/** Whether one who listens at an address keeps another one out. `::` mostly takes IPv4 as well. */
function clashes(taken: string, wanted: string): boolean {
  if (taken === '::' || taken === wanted) return true;
  if (taken.includes(':') !== wanted.includes(':')) return false;
  return taken === '0.0.0.0' || wanted === (wanted.includes(':') ? '::' : '0.0.0.0');
}

/** The first port that everybody may listen on (ip_unprivileged_port_start of ip-sysctl). */
function firstFreePort(host: Host): number {
  const start = host.read('/proc/sys/net/ipv4/ip_unprivileged_port_start');
  return Buffer.isBuffer(start) ? Number(start.toString()) : 1024;
}
