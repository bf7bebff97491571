/** With whom an etcd of several forms a cluster, and how they speak to each other. */
import { basename } from 'node:path';
import type { Host } from '../host.ts';
import { readMounted } from '../mounted.ts';
import type { Answers, Notice, Peers, Question, Requirement } from '../plan.ts';
import type { Problem } from '../problem.ts';
import type { Settings } from '../settings.ts';
import { authority, isLoopback, isNumeric, type Member, parseMember, readMembers } from './members.ts';
import {
  addressesOf,
  type Circumstances,
  hostsToAsk,
  listenAddress,
  scheme,
  untold,
  whichMember,
} from './self.ts';

/** What a plan has of it. */
export interface Peering {
  /** Absent while it cannot be told: something is wrong, or is asked. */
  readonly peers?: Peers;
  readonly requirements: readonly Requirement[];
  readonly notices: readonly Notice[];
  readonly questions: readonly Question[];
}

/**
 * Plans it from LDMS_ENTRYPOINT_MAESTRO_MEMBERS.
 *
 * @param answers those of the question 'members', once it has been asked
 */
export function planPeers(settings: Settings, host: Host, answers: Answers['members']): Peering {
  const list = readMembers(settings, host);
  const { tls, requirements: ofTls } = peerTls(settings, host);
  const requirements = [...list.requirements, ...ofTls, ...clashes(host.env)];
  const { members, notices } = list;
  const bare = { requirements, notices, questions: [] };
  // Who of a list that is wrong is us would only be told wrongly.
  if (list.requirements.length > 0) return bare;
  const circumstances = { members, settings, host, answers };
  const bad = (problem: Problem): Peering => ({
    ...bare,
    requirements: [...requirements, { what: 'the member of maestro that this is', problem }],
  });
  const asking: Peering = { ...bare, questions: [{ about: 'members', hosts: hostsToAsk(circumstances) }] };
  const self = whichMember(circumstances);
  if (self === untold) return asking;
  if ('kind' in self) return bad(self);
  const listen = listensOn(self, circumstances);
  if (listen === untold) return asking;
  if ('kind' in listen) return bad(listen);
  const two = sharing(circumstances);
  if (two) return bad(two);
  const url = ({ name, port }: Member) => `${scheme(settings)}://${authority(name, port)}`;
  const all = members.map((member) => ({ name: member.name, url: url(member) }));
  const peers: Peers = { self: { name: self.name, url: url(self) }, all, listen, ...(tls && { tls }) };
  const at = authority(listen.address, listen.port);
  const found = `${self.name} of ${all.map(({ name }) => name).join(', ')}, and listens to them on ${at}`;
  return {
    peers,
    requirements: [...requirements, { what: 'the member of maestro that this is', found }],
    notices: [...notices, ...nowhere(circumstances), ...(tls ? [] : inClear(listen))],
    questions: [],
  };
}

/** Where our own listens: ETCD_LISTEN_PEER_URLS has precedence. */
function listensOn(self: Member, circumstances: Circumstances): Peers['listen'] | Problem | typeof untold {
  const said = circumstances.host.env['ETCD_LISTEN_PEER_URLS'];
  if (!said) {
    const found = listenAddress(self, circumstances);
    return typeof found === 'string' || 'kind' in found ? found : { ...found, port: self.port };
  }
  const start = `${scheme(circumstances.settings)}://`;
  const [first = ''] = said.split(',');
  const at = first.startsWith(start)
    ? parseMember(first.slice(start.length).replace(/\/$/, ''), 0)
    : undefined;
  if (at && isNumeric(at.name)) return { address: at.name, port: at.port };
  return {
    kind: 'configuration',
    what: `cannot use ETCD_LISTEN_PEER_URLS=${said}: it does not begin with ${start}ADDRESS:PORT`,
    remedy: `leave it out, and the address of ${self.name} is listened on, or mend it`,
  };
}

/** Two members at one address: they would count as two, and be lost as one. */
function sharing(circumstances: Circumstances): Problem | undefined {
  const seen = new Map<string, string>();
  for (const member of circumstances.members) {
    for (const address of addressesOf(member, circumstances).addresses) {
      const at = authority(address, member.port);
      const other = seen.get(at);
      // /etc/hosts may have any number of names on loopback.
      if (other !== undefined && other !== member.name && !isLoopback(address)) {
        return {
          kind: 'configuration',
          what: `cannot have ${other} and ${member.name} as two members of maestro: both are ${at}`,
          remedy: 'list each host once',
        };
      }
      seen.set(at, member.name);
    }
  }
  return undefined;
}

/** A member whose name is not known: it may come, as with Kubernetes, or may be mistyped. */
function nowhere(circumstances: Circumstances): Notice[] {
  const { answers, members } = circumstances;
  return members.flatMap((member): Notice[] => {
    const { addresses, why = 'it is not known' } = addressesOf(member, circumstances);
    if (!answers || addresses.length > 0) return [];
    const text = `the member ${member.name} of maestro has no address yet (${why}): it is not reached before it has one`;
    return [{ level: 'warn', text }];
  });
}

function inClear({ address, port }: Peers['listen']): Notice[] {
  if (isLoopback(address)) return [];
  const text = `the etcds of maestro's members speak to each other in clear, and ask nobody who he is: whoever reaches ${authority(address, port)} can read the configuration, change what every ldmsd of the cluster does, and stop the cluster; for mutual TLS set LDMS_ENTRYPOINT_ETCD_PEER_CERT, LDMS_ENTRYPOINT_ETCD_PEER_KEY and LDMS_ENTRYPOINT_ETCD_PEER_CA`;
  return [{ level: 'warn', text }];
}

/** The files of mutual TLS between the members: all three, or none. */
function peerTls(settings: Settings, host: Host): { tls?: Peers['tls']; requirements: Requirement[] } {
  const { etcdPeerCert: cert, etcdPeerKey: key, etcdPeerCa: ca } = settings;
  const files = [
    { name: 'LDMS_ENTRYPOINT_ETCD_PEER_CERT', path: cert, holds: 'CERTIFICATE' },
    { name: 'LDMS_ENTRYPOINT_ETCD_PEER_KEY', path: key, holds: 'PRIVATE KEY' },
    { name: 'LDMS_ENTRYPOINT_ETCD_PEER_CA', path: ca, holds: 'CERTIFICATE' },
  ];
  const unset = files.filter(({ path }) => path === undefined).map(({ name }) => name);
  if (unset.length === files.length) return { requirements: [] };
  const found = files.flatMap(({ name, path, holds }) =>
    path === undefined ? [] : [pemFile(name, path, holds, host)],
  );
  const problem: Problem = {
    kind: 'configuration',
    what: `cannot have TLS between the members of maestro: ${unset.join(' and ')} ${unset.length === 1 ? 'is' : 'are'} not set`,
    remedy: 'set all three of _CERT, _KEY and _CA, or none',
  };
  const incomplete = unset.length > 0 ? [{ what: 'TLS between the members of maestro', problem }] : [];
  const tls = cert && key && ca && { cert: host.path(cert), key: host.path(key), ca: host.path(ca) };
  return { requirements: [...incomplete, ...found], ...(tls && { tls }) };
}

function pemFile(name: string, own: string, holds: string, host: Host): Requirement {
  const path = host.path(own);
  const text = readMounted(path, own, basename(own), host);
  if (typeof text !== 'string') return { what: name, problem: text };
  if (new RegExp(`^-----BEGIN [A-Z ]*${holds}-----`, 'm').test(text)) return { what: name, found: path };
  const what = `cannot use ${name}=${path}: it is no ${holds.toLowerCase()} in PEM`;
  return { what: name, problem: { kind: 'configuration', what, remedy: 'name the right file' } };
}

// What these say follows from the list, the same on each member.
const ofTheList =
  /^ETCD_(NAME|INITIAL_.*|DISCOVERY.*|PEER_(CERT_FILE|KEY_FILE|TRUSTED_CA_FILE|CLIENT_CERT_AUTH|AUTO_TLS))$/;

/** Variables of etcd's own that would say what the list says. */
function clashes(env: NodeJS.ProcessEnv): Requirement[] {
  // Of etcd's options only this one is added behind the others, and so it clashes even with an empty variable.
  const late = 'ETCD_INITIAL_CLUSTER_STATE';
  const names = Object.keys(env).filter(
    (name) => ofTheList.test(name) && (env[name] || (name === late && env[name] !== undefined)),
  );
  return names.sort().map((name) => ({
    what: name,
    problem: {
      kind: 'configuration',
      what: `cannot use ${name} beside LDMS_ENTRYPOINT_MAESTRO_MEMBERS: what it says follows from the list`,
      remedy: name.startsWith('ETCD_PEER_')
        ? 'unset it, and set LDMS_ENTRYPOINT_ETCD_PEER_CERT, LDMS_ENTRYPOINT_ETCD_PEER_KEY and LDMS_ENTRYPOINT_ETCD_PEER_CA'
        : 'unset it',
    },
  }));
}
