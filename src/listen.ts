/** Whether an address can be listened on, as far as looking tells. */
import type { Host, TcpAddress } from './host.ts';
import type { Requirement } from './plan.ts';

/** CAP_NET_BIND_SERVICE, as capabilities(7) numbers it. */
const bindService = 10n;

/**
 * That a TCP address is free, and that we may listen on it.
 *
 * @param address `0.0.0.0` and `::` for all
 * @param remedy how another port is chosen, for instance "choose another port: --http-socket=:8080"
 */
export function canListen({ address, port }: TcpAddress, host: Host, remedy: string): Requirement {
  const what = `port ${port}`;
  const bad = (why: string): Requirement => ({
    what,
    problem: {
      kind: 'configuration',
      what: `cannot listen on ${written({ address, port })}: ${why}`,
      remedy,
    },
  });
  const other = host.listening().find((taken) => taken.port === port && clashes(taken.address, address));
  if (other) return bad(`somebody listens on ${written(other)} already`);
  const first = firstFreePort(host);
  if (port < first && !((host.capabilities() >> bindService) & 1n)) {
    return bad(`uid ${host.uid} may only take ports from ${first} on`);
  }
  return { what, found: 'free' };
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

const written = ({ address, port }: TcpAddress): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
