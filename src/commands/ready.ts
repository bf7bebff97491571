/** Readiness, by the kind of probe. */
import { awaitEtcd, awaitMember } from '../etcd/ready.ts';
import { awaitMunge } from '../munge/probe.ts';
import type { Probe } from '../plan.ts';
import { pause } from '../process/child.ts';
import { whyNotAccepted } from '../process/connect.ts';
import type { AwaitReady } from '../process/means.ts';

/** Waits until a probe succeeds; undefined when it does, or the last reason why it does not. */
export const awaitReady: AwaitReady = async (probe, given) => {
  switch (probe.kind) {
    case 'munge':
      return awaitMunge(probe, given);
    case 'etcd':
      return awaitEtcd(probe, given);
    case 'member':
      return awaitMember(probe, given);
    case 'tcp':
      return awaitTcp(probe, given);
    case 'runs':
      return undefined;
  }
};

/** Waits until somebody accepts a connection. */
async function awaitTcp(
  { host, port, deadlineMs }: Extract<Probe, { kind: 'tcp' }>,
  { stop, over }: Parameters<AwaitReady>[1],
): Promise<string | undefined> {
  const begun = Date.now();
  for (;;) {
    const because = await whyNotAccepted({ host, port }, deadlineMs);
    if (because === undefined || stop.aborted || over() || Date.now() - begun > deadlineMs) return because;
    // A tenth of what has been waited already.
    await pause(2 + (Date.now() - begun) / 10, stop);
  }
}
