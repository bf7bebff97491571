/** Where uwsgi listens, and how it can be asked there. */
import { isAbsolute, join } from 'node:path';
import type { WebFacts } from '../plan.ts';
import type { UwsgiOption } from './options.ts';

type Protocol = WebFacts['protocol'];

/** What each kind of listener speaks; the others, something that we do not. */
const protocols: Readonly<Record<string, Protocol>> = {
  'http-socket': 'http',
  'http11-socket': 'http',
  http: 'http',
  httprouter: 'http',
  socket: 'uwsgi',
  'uwsgi-socket': 'uwsgi',
  'https-socket': 'https',
  https: 'https',
};

const liking: readonly Protocol[] = ['http', 'uwsgi', 'https', 'tcp'];

/** The listener to ask: one that speaks HTTP if there is one. Undefined where none can be told. */
export function listenerToAsk(
  options: readonly UwsgiOption[],
  cwd: string,
): Pick<WebFacts, 'protocol' | 'at'> | undefined {
  const found = options.flatMap(({ name, value }) => {
    const at = placeOf(value ?? '', cwd);
    return at ? [{ protocol: protocols[name] ?? ('tcp' as const), at }] : [];
  });
  return liking.flatMap((protocol) => found.filter((one) => one.protocol === protocol))[0];
}

/**
 * An address as uwsgi takes it: `:80`, `HOST:80`, `[::1]:80`, or the path of a Unix socket. Behind a
 * comma follow the certificate and key of https.
 *
 * @returns undefined for one that cannot be told beforehand, such as a shared socket (`=0`) or a placeholder
 */
export function placeOf(address: string, cwd: string): WebFacts['at'] | undefined {
  // Behind a blank follows what a file has as a comment.
  const [place = ''] = address.trim().split(/,|\s/);
  if (place === '' || /^[=@]|[%$]\(|[*?].|:\/\//.test(place)) return undefined;
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(place) ?? [];
  if (port !== undefined) return { host: bracketed ?? (plain || '0.0.0.0'), port: Number(port) };
  if (/^(fd|unix):/.test(place)) return undefined;
  return { socket: isAbsolute(place) ? place : join(cwd, place) };
}
