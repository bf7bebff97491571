/** What the values of variables have to be: each gives why a value cannot be, or undefined if it can. */
import { type Arch, arches } from '../arch.ts';

export type Check = (value: string) => string | undefined;

export const anything: Check = () => undefined;

const matching =
  (pattern: RegExp, otherwise: string): Check =>
  (value) =>
    pattern.test(value) ? undefined : otherwise;

/** A path inside the images: it stands in scripts and in what is compiled. */
export const plainPath = matching(
  /^(?!.*\/\.{1,2}(\/|$))(\/[\w.+-]+)+$/,
  'an absolute path of letters, digits, "_", "+", "." and "-"',
);

/** As docker names containers (https://docs.docker.com/reference/cli/docker/container/run/#name). */
export const containerName = matching(
  /^[a-zA-Z0-9][\w.-]+$/,
  'a container is named by two or more letters, digits, "_", "." and "-"',
);

export const tagName = matching(/^\w[\w.-]{0,120}$/, 'letters, digits, "_", "." and "-" only');

// https://pkg.go.dev/github.com/distribution/reference, its grammar.
const part = '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*';
const label = '[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?';

/** What can stand before `/ldms-samp`: a registry or parts of a path. A port needs a registry, and that comes first. */
export const namespaceName: Check = (value) => {
  const registry = `${label}(\\.${label})*:[0-9]+`.replaceAll('a-zA-Z', 'a-z');
  return new RegExp(`^(${registry}|${part})(/${part})*$`).test(value)
    ? undefined
    : "it is not what an image's name can begin with";
};

export const imageName = matching(
  new RegExp(
    `^(${label}(\\.${label})*(:[0-9]+)?/)?${part}(/${part})*(:\\w[\\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$`,
  ),
  'an image is named as docker does it: REGISTRY/NAME:TAG',
);

/** An architecture under OCI's name or the kernel's. */
export const archOf = (name: string): Arch | undefined =>
  arches.find((arch) => arch === ({ x86_64: 'amd64', aarch64: 'arm64' }[name] ?? name));

export const architecture: Check = (value) => (archOf(value) ? undefined : `there are ${arches.join(', ')}`);

/** What git fetches from. */
export const repositoryAddress: Check = (value) => {
  if (/^https?:\/\/[^/]*@/i.test(value) || /^[\w+.-]+:\/\/[^/@]*:[^/]*@/.test(value)) {
    return "its user and password would be told in logs; leave them out, and to git's credential helper: git config --global credential.helper store";
  }
  const isUrl = /^[a-z][\w+.-]*:\/\/./i.test(value) && URL.canParse(value);
  // One that runs a program: git-remote-ext(1).
  const isOnHost = /^[^-/:\s][^/:\s]*:(?!:|\/\/)./.test(value);
  const isPlain = !/[\p{Cc}]/u.test(value);
  return isPlain && (isUrl || isOnHost || value.startsWith('/'))
    ? undefined
    : 'git fetches from https://…, ssh://…, file:///…, HOST:PATH or a path that begins with "/"';
};

/** A branch, a tag or a commit: git-check-ref-format(1), and nothing that git fetch takes for more than one name. */
export const refName: Check = (value) => {
  const isOdd = /^[-+]|[\s\p{Cc}~^:?*[\\]|\.\.|@\{|\/$|\.lock$/u.test(value);
  return isOdd ? 'a branch, a tag or a full commit; it has no blanks and does not begin with "-"' : undefined;
};

/** A value as it can be told: no password, and on one line. */
export function told(value: string): string {
  const without = value.replace(/:\/\/.*@/s, '://…@');
  return /\p{Cc}/u.test(without) ? JSON.stringify(without) : without;
}
