/** Connecting to a TCP port or a Unix socket, to see whether somebody is there. */
import { errnoOf } from '../problem.ts';

/** Where somebody is to be: a port, or the path of a Unix socket. */
export type Where = { readonly host: string; readonly port: number } | { readonly path: string };

/** Why nobody accepts a connection, or undefined if somebody does. */
export function whyNotAccepted(where: Where, limitMs: number): Promise<string | undefined> {
  const net = process.getBuiltinModule('node:net');
  return new Promise((resolve) => {
    const socket = net.connect({ ...where, timeout: limitMs });
    const done = (because?: string) => {
      socket.destroy();
      resolve(because);
    };
    socket.on('connect', () => done());
    socket.on('error', (error) => done(notConnectedWords(error)));
    socket.on('timeout', () => done('it does not answer'));
  });
}

/** The words of a connection that could not be made. */
export function notConnectedWords(error: Error): string {
  const errno = errnoOf(error);
  return errno === 'ECONNREFUSED' || errno === 'ENOENT' ? 'nobody listens' : error.message || errno;
}
