/** /proc/self/mountinfo, field by field, as proc_pid_mountinfo(5) describes it. */

/** One mounted file system, or a part of one. */
export interface Mount {
  /** Which directory of the file system is mounted; "/" for all of it. */
  readonly root: string;
  /** Where it is mounted. */
  readonly point: string;
  readonly type: string;
  /** The directory behind a bind mount was deleted (the kernel appends "//deleted" to the root). */
  readonly deleted: boolean;
}

/**
 * Parses mountinfo text. Lines that do not have the documented fields are passed over.
 *
 * @returns the mounts in the file's order, in which a later one covers an earlier one
 */
export function parseMountinfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const fields = line.split(' ');
    // ID, parent, major:minor, root, mount point, options, optional fields …, "-", type, source, …
    const separator = fields.indexOf('-', 6);
    const [, , , root, point] = fields;
    const type = fields[separator + 1];
    if (separator < 0 || root === undefined || point === undefined || type === undefined) continue;
    const realRoot = unescapeOctal(root);
    mounts.push({
      root: realRoot.replace(/\/\/deleted$/, ''),
      point: unescapeOctal(point),
      type: unescapeOctal(type),
      deleted: realRoot.endsWith('//deleted'),
    });
  }
  return mounts;
}

/** Undoes the kernel's escapes: `\040` is a space; `\011`, `\012` and `\134` occur as well. */
function unescapeOctal(field: string): string {
  if (!field.includes('\\')) return field;
  const bytes: number[] = [];
  const raw = Buffer.from(field);
  for (let at = 0; at < raw.length; at++) {
    const digits = raw.subarray(at + 1, at + 4).toString('latin1');
    if (raw[at] === 0x5c && /^[0-3][0-7]{2}$/.test(digits)) {
      bytes.push(Number.parseInt(digits, 8));
      at += 3;
    } else {
      bytes.push(raw[at] ?? 0);
    }
  }
  return Buffer.from(bytes).toString();
}

/**
 * The mount that `path` lies on, if its mount point is `below` or deeper.
 *
 * `/var/run` in a mount point is read as `/run`, which it is a link to in every image.
 *
 * @param path an absolute path without `..` or links
 * @param below mount points that are not strictly deeper than this directory do not count
 */
export function mountOver(mounts: readonly Mount[], path: string, below: string): Mount | undefined {
  // The last one in the file's order: a mount made later hides those that it covers, and one inside
  // another stands behind it.
  return mounts.findLast((mount) => {
    const point = throughVarRun(mount.point, below);
    const deeper = point.startsWith(`${below}/`) && point.length > below.length + 1;
    return deeper && (path === point || path.startsWith(`${point}/`));
  });
}

/** The path with a leading `<below>/var/run` read as `<below>/run`. */
export function throughVarRun(path: string, below: string): string {
  const spelled = `${below}/var/run`;
  return path === spelled || path.startsWith(`${spelled}/`)
    ? `${below}/run${path.slice(spelled.length)}`
    : path;
}
