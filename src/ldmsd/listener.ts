/** ldmsd's listening addresses. */
import type { Listener } from '../plan.ts';

/**
 * `XPRT:PORT[:HOST]` as ldmsd splits it: at the first two colons, the rest is the host.
 *
 * @returns undefined where ldmsd will refuse it, or will listen on a port of its own choice
 */
export function parseListener(text: string): Listener | undefined {
  const [xprt, port, ...host] = text.split(':');
  if (!xprt || port === undefined || !/^\d+$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    return undefined;
  return { xprt, port: Number(port), ...(host.length > 0 && { host: host.join(':') }) };
}
