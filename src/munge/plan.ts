/** The munge part of a plan: whose munged, its key, how ours is started, and when it is ready. */
import type { Host } from '../host.ts';
import type { Notice, Question, Requirement, Service } from '../plan.ts';
import type { Settings } from '../settings.ts';
import { planOurMunged } from './ours.ts';
import { needsForMunge } from './programs.ts';
import { defaultSocket, type Wanted } from './wanted.ts';
import { type Whose, whoseMunge } from './whose.ts';

/** What a mode adds to its plan when munge is wanted. */
export interface MungePlan {
  readonly notices: readonly Notice[];
  readonly requirements: readonly Requirement[];
  readonly services: readonly Service[];
  readonly questions: readonly Question[];
  /** The socket that the daemon will use. */
  readonly socket: string;
}

/**
 * Plans munge for a daemon that wants it.
 *
 * @param answers whether somebody answers at the socket; undefined while nobody has asked
 */
export function planMunge(wanted: Wanted, settings: Settings, host: Host, answers?: 'yes' | 'no'): MungePlan {
  const socket = wanted.socket ?? host.path(defaultSocket);
  const whose = whoseMunge(socket, host, answers);
  const common = { questions: [], socket };
  if (whose.whose === 'host' && settings.munge === 'container') {
    return { ...common, notices: [], requirements: [notOverTheHosts(whose)], services: [] };
  }
  if (whose.whose === 'host' || settings.munge === 'host') {
    return { ...common, ...hostsMunge(wanted, whose, socket, settings, host) };
  }
  const ours = planOurMunged(socket, settings, host);
  const text = `munge is wanted (${wanted.why}); the container's own munged is used: ${whose.because}`;
  return {
    ...common,
    ...ours,
    notices: [{ level: 'debug', text }, ...ours.notices],
    questions: whose.unsure ? [{ about: 'munge socket', socket }] : [],
  };
}

function hostsMunge(wanted: Wanted, whose: Whose, socket: string, settings: Settings, host: Host) {
  const notices: Notice[] = [
    {
      level: 'debug',
      text: `munge is wanted (${wanted.why}); the host's munged is used: ${whose.whose === 'host' ? whose.because : 'LDMS_ENTRYPOINT_MUNGE=host'}`,
    },
  ];
  const services: Service[] = [
    {
      name: "the host's munged",
      ready: { kind: 'munge', socket, deadlineMs: settings.mungeTimeoutMs },
      ifNot: {
        kind: 'munge',
        what: `cannot use the host's munge through ${socket}, tried for ${settings.mungeTimeoutMs / 1000} s`,
        remedy:
          'on the host: systemctl restart munge; then restart this container, since a mount of /run/munge leads nowhere once munge has been restarted',
      },
    },
  ];
  const requirements = [needsForMunge('munge', host), needsForMunge('unmunge', host), ...staleness(whose)];
  return { notices, requirements, services };
}

/** systemd removes /run/munge when the host's munge stops: a bind mount of it then leads nowhere, for ever. */
function staleness(whose: Whose): Requirement[] {
  if (whose.whose !== 'host' || !whose.stale) return [];
  const what = `host directory behind ${whose.mountPoint}`;
  return [
    {
      what,
      problem: {
        kind: 'munge',
        what: `cannot use the host's munge: the directory that was mounted at ${whose.mountPoint} has been deleted on the host, as happens when munge is restarted there`,
        remedy:
          'restart this container; to be spared that, keep the directory: systemctl edit munge, RuntimeDirectoryPreserve=yes',
      },
    },
  ];
}

function notOverTheHosts({ because, mountPoint }: Extract<Whose, { whose: 'host' }>): Requirement {
  return {
    what: "a /run/munge of the container's own",
    problem: {
      kind: 'munge',
      what: `cannot start the container's own munged (LDMS_ENTRYPOINT_MUNGE=container): ${because}`,
      remedy: mountPoint
        ? 'leave out that mount, or the setting'
        : 'leave out the setting, and that one is used',
    },
  };
}
