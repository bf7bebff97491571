/** The objects of a workload. */
import type { Role } from '../../container.ts';
import { isMember } from '../../members.ts';
import type { Site } from '../../site.ts';
import { labelsOf, podTemplate, selectorOf } from './pod.ts';
import { claimsOf, volumesOf } from './volumes.ts';
import type { Workload } from './workload.ts';
import type { YamlMap } from './yaml.ts';

/** The objects of a workload, each a document. */
export const objectsOf = (workload: Workload, site: Site): readonly YamlMap[] =>
  isMember(workload.container)
    ? [...statefulSet(workload, site), disruptionBudget(workload)]
    : (kinds[workload.container.role] ?? deployment)(workload, site);

const kinds: Partial<Record<Role, typeof deployment>> = { samp: daemonSet, agg: statefulSet };

function daemonSet(workload: Workload, site: Site): readonly YamlMap[] {
  return [
    {
      ...head('apps/v1', 'DaemonSet', workload),
      spec: {
        selector: { matchLabels: selectorOf(workload.name) },
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } },
        template: podTemplate(workload, site),
      },
    },
  ];
}

function statefulSet(workload: Workload, site: Site): readonly YamlMap[] {
  const { name, nodes, container } = workload;
  const matchLabels = selectorOf(name);
  return [
    {
      '#': "A StatefulSet has to name a Service. Nobody asks for this one: daemons are at their nodes' addresses.",
      ...head('v1', 'Service', workload),
      spec: { clusterIP: 'None', selector: matchLabels },
    },
    {
      ...head('apps/v1', 'StatefulSet', workload),
      spec: {
        serviceName: name,
        replicas: nodes.length,
        podManagementPolicy: 'Parallel',
        selector: { matchLabels },
        template: podTemplate(workload, site, nodes.length > 1 ? onePerNode(matchLabels) : undefined),
        volumeClaimTemplates: volumesOf(container, site).flatMap(({ template }) =>
          template ? [template] : [],
        ),
      },
    },
  ];
}

/** Keeps `kubectl drain` from taking the majority from etcd. */
const disruptionBudget = (workload: Workload): YamlMap => ({
  '#': 'Nodes are drained one at a time, each when the pod of the one before is ready again.',
  ...head('policy/v1', 'PodDisruptionBudget', workload),
  spec: { maxUnavailable: 1, selector: { matchLabels: selectorOf(workload.name) } },
});

const onePerNode = (matchLabels: YamlMap): YamlMap => ({
  '#': 'One on each node.',
  podAntiAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [
      { labelSelector: { matchLabels }, topologyKey: 'kubernetes.io/hostname' },
    ],
  },
});

function deployment(workload: Workload, site: Site): readonly YamlMap[] {
  return [
    ...claimsOf(workload.container, site),
    {
      ...head('apps/v1', 'Deployment', workload),
      spec: {
        replicas: 1,
        '#': 'A second one could not have the ports of the first.',
        strategy: { type: 'Recreate' },
        selector: { matchLabels: selectorOf(workload.name) },
        template: podTemplate(workload, site),
      },
    },
  ];
}

const head = (apiVersion: string, kind: string, workload: Workload): YamlMap => ({
  apiVersion,
  kind,
  metadata: { name: workload.name, labels: labelsOf(workload) },
});
