/** Which of the members this container is, and on which address it listens to the others. */
import type { Host } from '../host.ts';
import type { Answers, MemberAddresses } from '../plan.ts';
import type { Problem } from '../problem.ts';
import type { Settings } from '../settings.ts';
import { authority, comparable, isLoopback, isNumeric, isSame, type Member, parseMember } from './members.ts';

/** What can only be told with the answers of the question 'members'. */
export const untold = 'untold';

/** What is needed to tell. */
export interface Circumstances {
  readonly members: readonly Member[];
  readonly settings: Settings;
  readonly host: Host;
  readonly answers: Answers['members'];
}

/**
 * The member that this container is: the one that the user says, or that has our host name, or else an
 * address of ours.
 */
export function whichMember(circumstances: Circumstances): Member | Problem | typeof untold {
  const { members, settings, host } = circumstances;
  const said = settings.maestroMember;
  if (said !== undefined) return namedBy(said, members);
  const named = byHostname(members, host.hostname());
  if (named) return named;
  const found = members.map((member) => ({ member, ...addressesOf(member, circumstances) }));
  if (circumstances.answers === undefined && members.some(({ name }) => !isNumeric(name))) return untold;
  const own = found.filter(({ addresses }) => addresses.some((address) => isOurs(address, host)));
  const [only, ...more] = own;
  if (only && more.length === 0) return only.member;
  const all = listed(members);
  const remedy = 'set LDMS_ENTRYPOINT_MAESTRO_MEMBER to the one';
  if (only) {
    const several = own.map(({ member, addresses }) => hasWords(member.name, addresses)).join(', ');
    return {
      kind: 'configuration',
      what: `cannot tell which of ${all} this container is: ${own.length} have an address of it (${several})`,
      remedy,
    };
  }
  const others = found.map(({ member, addresses, why }) => hasWords(member.name, addresses, why)).join(', ');
  return {
    kind: 'configuration',
    what: `cannot tell which of ${all} this container is: its host name is ${host.hostname()}, it has ${ownWords(host)}, and of them ${others}`,
    remedy: `give it the host's network (docker run --network=host), or ${remedy}`,
  };
}

function namedBy(said: string, members: readonly Member[]): Member | Problem {
  const name = parseMember(said, 1)?.name ?? said;
  return (
    members.find((member) => isSame(member.name, name)) ?? {
      kind: 'configuration',
      what: `cannot be the member LDMS_ENTRYPOINT_MAESTRO_MEMBER=${said}: the members are ${listed(members)}`,
      remedy: 'name one of those',
    }
  );
}

/** The member with our host name; where one of both is without its domain, with the same first label. */
export function byHostname(members: readonly Member[], hostname: string): Member | undefined {
  const names = members.filter(({ name }) => !isNumeric(name));
  const whole = names.find(({ name }) => isSame(name, hostname));
  if (whole) return whole;
  const label = (name: string) => name.split('.')[0] ?? name;
  const [only, ...more] = names.filter(
    ({ name }) => isSame(label(name), label(hostname)) && (!name.includes('.') || !hostname.includes('.')),
  );
  return more.length === 0 ? only : undefined;
}

/**
 * The address on which we listen to the others: the member's own, unless that is on loopback, as /etc/hosts of
 * Debian has it for the host's own name. Then it is the one with which packets leave for the others.
 */
export function listenAddress(
  self: Member,
  circumstances: Circumstances,
): { address: string } | Problem | typeof untold {
  const { members, host, answers } = circumstances;
  const isAsked = answers === undefined && !isNumeric(self.name);
  if (isAsked) return untold;
  const { addresses, why } = addressesOf(self, circumstances);
  const ours = addresses.filter((address) => isOurs(address, host));
  const beyond = ours.find((address) => !isLoopback(address));
  if (beyond !== undefined) return { address: beyond };
  const [loopback] = ours;
  const others = members.filter((member) => member !== self);
  if (
    loopback !== undefined &&
    answers === undefined &&
    others.some(({ name }) => !isNumericLoopback(name))
  ) {
    return untold;
  }
  const far = others.filter((member) => {
    const [first] = addressesOf(member, circumstances).addresses;
    return first === undefined || !isLoopback(first);
  });
  if (loopback !== undefined && far.length === 0) return { address: loopback };
  const from = far.flatMap(({ name }) => answers?.[name]?.from ?? []).find((address) => !isLoopback(address));
  if (loopback !== undefined && from !== undefined) return { address: from };
  const at = authority('ADDRESS', self.port);
  const remedy = `give it the host's network (docker run --network=host), or say where it listens: -e ETCD_LISTEN_PEER_URLS=${scheme(circumstances.settings)}://${at}`;
  const reason =
    loopback === undefined
      ? `${hasWords(self.name, addresses, why)}, and this container has ${ownWords(host)}`
      : `${hasWords(self.name, addresses)}, which the others cannot reach, and no packet of ours finds its way to them`;
  return { kind: 'configuration', what: `cannot listen as the member ${self.name}: ${reason}`, remedy };
}

/** How the members speak to each other. */
export const scheme = ({ etcdPeerCert }: Settings): 'http' | 'https' => (etcdPeerCert ? 'https' : 'http');

/** Whose addresses have to be asked for: all members', and those of our host name if one of them has it. */
export function hostsToAsk({ members, host }: Circumstances): readonly string[] {
  const named = byHostname(members, host.hostname());
  const names = members.map(({ name }) => name);
  return named && !names.includes(host.hostname()) ? [...names, host.hostname()] : names;
}

/** A member's addresses. Our own name may not be known by name servers yet where that of the host is in /etc/hosts. */
export function addressesOf({ name }: Member, { members, host, answers }: Circumstances): MemberAddresses {
  if (isNumeric(name)) return { addresses: [comparable(name)] };
  const answer = answers?.[name] ?? { addresses: [] };
  if (answer.addresses.length > 0) return answer;
  const isOurName = byHostname(members, host.hostname())?.name === name;
  return { ...answer, addresses: (isOurName && answers?.[host.hostname()]?.addresses) || [] };
}

// All of 127 is ours, whichever of them an interface has.
const isOurs = (address: string, host: Host): boolean =>
  isLoopback(address) || host.addresses().some((own) => isSame(own, address));

const isNumericLoopback = (name: string): boolean => isNumeric(name) > 0 && isLoopback(name);

const listed = (members: readonly Member[]): string => members.map(({ name }) => name).join(', ');

function ownWords(host: Host): string {
  const addresses = host.addresses().filter((address) => !isLoopback(address));
  return addresses.length > 0 ? addresses.join(', ') : 'no address beyond loopback';
}

function hasWords(name: string, addresses: readonly string[], why = 'it is not known'): string {
  if (isNumeric(name)) return `${name} is an address`;
  return addresses.length > 0 ? `${name} has ${addresses.join(' and ')}` : `${name} has no address (${why})`;
}
