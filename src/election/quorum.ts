/** Tells when etcd has lost its quorum, and when it has it again. */
import type { Log } from '../log.ts';
import type { Election } from '../plan.ts';

/** Told whether etcd answers; says each change once. */
export interface Quorum {
  /** etcd has answered as a whole. */
  heard(): void;
  /** It has not, for this reason. */
  missed(why: string): void;
}

/** Watches over it; a single answer that is late is no news. */
export function tellQuorum({ leaseMs, peers }: Election, log: Log): Quorum {
  let missingSince: number | undefined;
  let isTold = false;
  return {
    heard: () => {
      missingSince = undefined;
      if (isTold) void log('info', 'etcd has a quorum again');
      isTold = false;
    },
    missed: (why) => {
      missingSince ??= performance.now();
      if (isTold || performance.now() - missingSince < leaseMs) return;
      isTold = true;
      const names = peers.all.map(({ name }) => name).join(', ');
      const most = Math.floor(peers.all.length / 2) + 1;
      void log(
        'warn',
        `etcd has no quorum: ${why}; ${most} of ${names} have to run and reach each other, and until then maestro runs nowhere`,
      );
    },
  };
}
