/**
 * What several maestro containers keep in etcd about themselves, as JSON below the election's prefix.
 *
 * The prefix has no slash in front, so that maestro_ctrl, which deletes all that begins with its own, never
 * takes any of it away.
 */

/** The keys, without the prefix. */
export const keys = {
  /** etcd's own election: a key below it for each candidate, `leader/` and its lease in hexadecimal. */
  leader: 'leader',
  /** {@link Reign}: who leads, or who has led last. */
  reign: 'reign',
  /** {@link Applied}: whose file is in force. */
  applied: 'applied',
  /** {@link MemberFile}: which file a member has, `file/NAME`. */
  file: (member: string) => `file/${member}`,
  /** {@link Ask}: a member's file is to be put in force, `ask/NAME`; its text lies in pieces below `text/ID/`. */
  ask: (member: string) => `ask/${member}`,
  text: (id: string) => `text/${id}/`,
  /** {@link Answered}: what became of it, `answer/NAME`. */
  answer: (member: string) => `answer/${member}`,
  /** {@link RollCall}: every member that runs is to say that it is here. */
  call: 'call',
  /** {@link Here}: that it is, `here/NAME`. */
  here: (member: string) => `here/${member}`,
} as const;

/** Who leads. It stays when the member has ended, since whoever follows has to know how. */
export interface Reign {
  readonly member: string;
  /** The leader process that it was, told apart from one before and after on the same member. */
  readonly process: string;
  /** When it began, as ISO 8601 by the member's own clock: for people only. */
  readonly since: string;
  /** For how long, after it has heard of etcd last, it may take itself for the leader, until its maestro has ended, in ms. */
  readonly believesMs: number;
  /** Whom it has followed, and why that one leads no longer; absent for the first. */
  readonly after?: { readonly member: string; readonly why: string };
  /** Its maestro has ended, and another may begin at once; absent while it leads, and if it could not say so. */
  readonly ended?: { readonly at: string; readonly why: string };
}

/** Which configuration is in force. */
export interface Applied {
  /** The member whose file it is. */
  readonly member: string;
  /** SHA-256 of the file, in hexadecimal. */
  readonly digest: string;
  /** SHA-256 of the program that has put it into etcd, which may store it otherwise in another version. */
  readonly by: string;
  /** The revision of the store with which maestro_ctrl was done, as etcd writes it (a 64-bit number as text). */
  readonly revision: string;
  /** ISO 8601. */
  readonly at: string;
}

/** The file that a member has. */
export interface MemberFile {
  readonly digest: string;
  /** ISO 8601: when the member has read it. */
  readonly at: string;
}

/** A member asks who leads to put its file in force. */
export interface Ask {
  readonly id: string;
  readonly member: string;
  readonly digest: string;
  /** How many pieces its text is in. */
  readonly pieces: number;
}

/** What became of it. */
export interface Answered {
  readonly id: string;
  readonly by: string;
  /** What is wrong; absent if the file is in force. */
  readonly wrong?: string;
}

/** Asks every member that runs for a {@link Here}. */
export interface RollCall {
  readonly id: string;
}

/** A member runs. */
export interface Here {
  /** The roll-call's id. */
  readonly call: string;
  readonly role: 'leads' | 'follows';
  /** The version of ldms-entrypoint. */
  readonly version: string;
  /** Of its etcd: how far the log of raft has been carried out, and whether it is raft's own leader. */
  readonly raftIndex: string;
  readonly isRaftLeader: boolean;
}
