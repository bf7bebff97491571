/** A plan as data, for other programs. */
import { envOf } from './container.ts';
import type { Deployment } from './open.ts';
import { imageOf } from './site.ts';

/** Each host with its containers. */
export function planJson({ containers, site }: Deployment): string {
  const hosts = [...Map.groupBy(containers, ({ node }) => node)].map(([host, all]) => ({
    host,
    containers: all.map((container) => ({
      name: container.name,
      image: imageOf(container.role, site),
      daemon: container.daemon,
      args: container.args,
      env: envOf(container),
      listens: container.listens.map(({ xprt, port, address, auth }) => ({ xprt, port, address, auth })),
      mounts: container.mounts,
      hostPid: container.hostPid,
      capabilities: container.capabilities,
      tmpfs: container.scratch,
      rdma: container.rdma,
    })),
  }));
  return `${JSON.stringify({ hosts }, undefined, 2)}\n`;
}
