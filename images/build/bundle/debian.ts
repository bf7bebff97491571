/** What of a Debian system, or of one made from it, tells which packages are installed. */

/** Where they are in an image. */
export const statusFile = '/var/lib/dpkg/status';
// Not /etc/os-release: that is a symbolic link to it.
export const releaseFile = '/usr/lib/os-release';

/** An installed package. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** Debian's name of it: amd64, or all. */
  readonly arch: string;
}

/** Which distribution it is: os-release(5). */
export interface Release {
  /** For instance debian, or ubuntu. */
  readonly id: string;
  /** For instance 12, or 20.04; undefined for one that has none, as Debian's testing. */
  readonly version: string | undefined;
}

/** Reads dpkg's status file (deb-control(5)): what is installed, and not what has left its settings only. */
export function readStatus(text: string): readonly DebianPackage[] {
  return text.split(/\n\n+/).flatMap((stanza) => {
    const field = (name: string) => new RegExp(`^${name}: *(.*)$`, 'm').exec(stanza)?.[1]?.trim();
    const [name, version, arch] = [field('Package'), field('Version'), field('Architecture')];
    const installed = field('Status')?.endsWith(' installed');
    return installed && name && version && arch ? [{ name, version, arch }] : [];
  });
}

/** Reads os-release. */
export function readRelease(text: string): Release {
  const value = (key: string) => new RegExp(`^${key}=["']?([^"'\n]*)`, 'm').exec(text)?.[1] || undefined;
  return { id: value('ID') ?? 'linux', version: value('VERSION_ID') };
}
