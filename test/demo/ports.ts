/** TCP ports that nobody uses. */
import { createServer, type ListenOptions, type Server } from 'node:net';
import { event } from './timeline.ts';

const step = 500;
// So that all stays below the ports that the kernel gives to outgoing connections.
const tries = 40;

/**
 * The ports wished for where all of them are free, or all of them as much higher as it takes.
 *
 * Of two demos at the same time, each has a range of its own.
 */
export async function freePorts<Name extends string>(
  wished: Readonly<Record<Name, number>>,
): Promise<Record<Name, number>> {
  for (let attempt = 0; attempt < tries; attempt++) {
    const ports = Object.entries<number>(wished).map(
      ([name, port]) => [name, port + attempt * step] as const,
    );
    // An address in the abstract namespace, which nobody has twice and nobody has to remove.
    const claim = await listen({ path: `\0ldms-entrypoint-demo-${attempt}` });
    if (!claim) continue;
    claim.unref();
    const held = await Promise.all(ports.map(([, port]) => listen({ port })));
    await Promise.all(held.map((server) => server && new Promise((resolve) => server.close(resolve))));
    if (held.every(Boolean)) {
      if (attempt > 0) event('demo', `the usual ports are taken: all are ${attempt * step} higher`, 'aside');
      return Object.fromEntries(ports) as Record<Name, number>;
    }
    claim.close();
  }
  throw new Error(`found no free ports: ${Object.values(wished).join(', ')}, or ${step} higher, and so on`);
}

function listen(where: ListenOptions): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(undefined));
    server.listen(where, () => resolve(server));
  });
}

/** Ports as a hostlist: "[10411-10414]" where they follow each other, "10411,10912" where they do not. */
export function hostlist(ports: readonly number[]): string {
  const [first = 0] = ports;
  const last = ports.at(-1) ?? 0;
  const inRow = ports.every((port, at) => port === first + at);
  return inRow && ports.length > 1 ? `[${first}-${last}]` : ports.join(',');
}
