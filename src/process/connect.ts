/** Connecting to a TCP port, to see whether somebody is there. */
import { errnoOf } from '../problem.ts';

/** Why nobody accepts a connection, or undefined if somebody does. */
export function whyNotAccepted(host: string, port: number, limitMs: number): Promise<string | undefined> {
  const net = process.getBuiltinModule('node:net');
  return new Promise((resolve) => {
    const socket = net.connect({ port, host, timeout: limitMs });
    const done = (because?: string) => {
      socket.destroy();
      resolve(because);
    };
    socket.on('connect', () => done());
    socket.on('error', (error) =>
      done(errnoOf(error) === 'ECONNREFUSED' ? 'nobody listens' : error.message || errnoOf(error)),
    );
    socket.on('timeout', () => done('it does not answer'));
  });
}
