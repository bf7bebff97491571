/** The pods of a workload: one container each. */
import { type Container, envOfAny, type Role } from '../../container.ts';
import { isMember, memberVariable } from '../../members.ts';
import { imageOf, type Site } from '../../site.ts';
import { withRegistry } from '../registry.ts';
import { labelOf, literal, nodeReference, nodeVariable } from './nodes.ts';
import { type Volume, volumesOf } from './volumes.ts';
import type { Workload } from './workload.ts';
import type { YamlMap } from './yaml.ts';

/** What tells a workload's own pods from others. */
export const selectorOf = (name: string): YamlMap => ({ 'app.kubernetes.io/name': name });

/** The labels of all that belongs to a workload. */
export const labelsOf = ({ name, container }: Workload): YamlMap => ({
  ...selectorOf(name),
  'app.kubernetes.io/component': container.role,
  'app.kubernetes.io/part-of': 'ldms',
});

/**
 * The template of a workload's pods.
 *
 * @param affinity what decides about a pod's node beside the label
 */
export function podTemplate(workload: Workload, site: Site, affinity?: YamlMap): YamlMap {
  const { container, name } = workload;
  const volumes = volumesOf(container, site);
  return {
    metadata: { labels: labelsOf(workload) },
    spec: {
      nodeSelector: { [labelOf(name)]: 'true' },
      affinity,
      hostNetwork: true,
      hostPID: container.hostPid || undefined,
      dnsPolicy: 'ClusterFirstWithHostNet',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 10,
      securityContext: container.role === 'grafana' && site.storageClass ? ofGrafana : undefined,
      containers: [podContainer(container, volumes, site)],
      volumes: volumes.flatMap(({ volume }) => (volume ? [volume] : [])),
    },
  };
}

// What is claimed belongs to root, unless a pod's group is given.
const ofGrafana: YamlMap = { '#': 'The user that grafana runs as.', fsGroup: 472 };

function podContainer(container: Container, volumes: readonly Volume[], site: Site): YamlMap {
  const { name, role, args, listens } = container;
  return {
    name,
    image: withRegistry(imageOf(role, site)),
    '#': 'Else the tag latest asks the registry at each start.',
    imagePullPolicy: 'IfNotPresent',
    args,
    env: [
      ...(args.some((word) => word.includes(nodeReference))
        ? [{ name: nodeVariable, valueFrom: ofNode }]
        : []),
      ...(isMember(container) ? [{ name: memberVariable, valueFrom: ofNode }] : []),
      ...Object.entries(envOfAny(container)).map(([key, value]) => ({ name: key, value: literal(value) })),
    ],
    // The scheduler counts a port as taken on all addresses, and knows TCP alone of what LDMS has.
    ports: listens
      .filter(({ xprt, address }) => address === undefined && (xprt === 'sock' || xprt === 'http'))
      .map(({ port }) => ({ containerPort: port })),
    securityContext: securityOf(container, site),
    ...(isMember(container) ? memberProbe : probesOf(role)),
    volumeMounts: volumes.map(({ mount }) => mount),
  };
}

function securityOf({ capabilities, rdma }: Container, site: Site): YamlMap {
  if (site.privileged) return { privileged: true };
  if (rdma) {
    const needed = [...capabilities, 'IPC_LOCK'].join(', ');
    return {
      '#': `For /dev/infiniband; else a device plugin's resource, and the capabilities ${needed}.`,
      privileged: true,
      readOnlyRootFilesystem: true,
    };
  }
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], add: capabilities },
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** Seconds from one check to the next: those of the images' HEALTHCHECK. */
const periods: Readonly<Record<Role, number>> = { samp: 60, agg: 30, maestro: 15, ui: 30, grafana: 30 };

const health = { exec: { command: ['ldms-entrypoint', 'health'] } };
const ofNode: YamlMap = { fieldRef: { fieldPath: 'spec.nodeName' } };

const memberProbe: YamlMap = {
  readinessProbe: {
    '#': 'Unready without a majority. A new start would not bring one: there is no other probe.',
    ...health,
    periodSeconds: 5,
    timeoutSeconds: 10,
  },
};

function probesOf(role: Role): YamlMap {
  const steady = { ...health, periodSeconds: periods[role], timeoutSeconds: 10 };
  return {
    // Of all, maestro may take longest: a minute for etcd, and another for maestro_ctrl.
    startupProbe: { ...health, periodSeconds: 5, timeoutSeconds: 10, failureThreshold: 30 },
    livenessProbe: steady,
    readinessProbe: steady,
  };
}
