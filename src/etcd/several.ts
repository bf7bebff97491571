/** What an etcd of several is told beside what one alone is. */
import { sha256 } from '../digest.ts';
import type { Peers, Service } from '../plan.ts';
import type { Settings } from '../settings.ts';
import { authority } from './members.ts';

/**
 * Its options, without their dashes. `initial-cluster-state` is not among them: how it comes to the others is
 * seen only when it is started.
 */
export function optionsOfSeveral(
  { self, all, listen, tls }: Peers,
  settings: Settings,
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  return {
    name: self.name,
    'initial-advertise-peer-urls': self.url,
    'listen-peer-urls': `${tls ? 'https' : 'http'}://${authority(listen.address, listen.port)}`,
    'initial-cluster': all.map(({ name, url }) => `${name}=${url}`).join(','),
    'initial-cluster-token': token(all, settings),
    ...timing(settings, env),
    // A member that was cut off and comes back would otherwise call an election that nobody needs (tried).
    'pre-vote': 'true',
    ...(tls && {
      'peer-cert-file': tls.cert,
      'peer-key-file': tls.key,
      'peer-trusted-ca-file': tls.ca,
      'peer-client-cert-auth': 'true',
    }),
  };
}

/** It makes the cluster's identity, so that two clusters that meet at an address know that they are two. */
function token(all: Peers['all'], { maestroPrefix }: Settings): string {
  const members = all.map(({ url }) => url.replace(/^https?:/, '').toLowerCase()).sort();
  return `ldms-maestro-${sha256([maestroPrefix, ...members].join('\n')).slice(0, 16)}`;
}

/**
 * etcd's heartbeat and election in proportion to the lease: 30 and 300 ms of 2 s. An election has to be over
 * long before who leads would be taken for lost; etcd itself demands five heartbeats in it.
 */
function timing({ maestroLeaseMs }: Settings, env: NodeJS.ProcessEnv): Record<string, string> {
  const beat = Math.round(maestroLeaseMs / 66);
  const said = Number(env['ETCD_ELECTION_TIMEOUT']);
  // With a heartbeat of the user's, our election could be too short for it.
  const election = env['ETCD_HEARTBEAT_INTERVAL']
    ? {}
    : { 'election-timeout': `${Math.round(maestroLeaseMs * 0.15)}` };
  const interval = said > 0 ? Math.max(1, Math.min(beat, Math.floor(said / 10))) : beat;
  return { 'heartbeat-interval': `${interval}`, ...election };
}

/** What to do about its last words, beside those of one alone. What etcd 3.4.23 said of each when it was tried. */
export const hintsOfSeveral = (directory: string, { listen }: Peers): NonNullable<Service['hints']> => [
  {
    says: 'address already in use',
    remedy: `stop what has the port, or use another: LDMS_ENTRYPOINT_ETCD_PEER_PORT on all members for ${authority(listen.address, listen.port)}, LDMS_ENTRYPOINT_ETCD_PORT for that on loopback`,
  },
  {
    says: 'permanently removed from the cluster|data-dir used by this member must be removed',
    remedy: `the others have replaced this member while it was away: move ${directory} away, and it is made a member anew`,
  },
  {
    says: 'tocommit\\(\\d+\\) is out of range|already been bootstrapped',
    remedy: `the data of ${directory} has been lost: move away what is left of it, and it is made a member anew`,
  },
  {
    says: 'cluster ID mismatch|error validating peerURLs|find local name .* in the initial cluster|missing from --initial-advertise-peer-urls',
    remedy: `see that LDMS_ENTRYPOINT_MAESTRO_MEMBERS and LDMS_ENTRYPOINT_MAESTRO_PREFIX are the same on all members, and that ${directory} is not another cluster's`,
  },
  {
    says: 'private key does not match public key',
    remedy: 'LDMS_ENTRYPOINT_ETCD_PEER_KEY is not the key of LDMS_ENTRYPOINT_ETCD_PEER_CERT',
  },
  {
    says: 'does not look like a TLS handshake|unknown authority|bad certificate|incompatible key usage|certificate is valid for|certificate has expired|failed to (find any|parse).*PEM',
    remedy:
      "see that all members have a certificate of the same LDMS_ENTRYPOINT_ETCD_PEER_CA, in date, for the member's name and the address its packets leave with (subjectAltName), and for server and client alike (extendedKeyUsage)",
  },
];
