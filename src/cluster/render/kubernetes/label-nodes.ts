/** The script that gives nodes the labels by which pods choose them. */
import { origin } from '../rendering.ts';
import { toldAtTheEnd } from '../script.ts';
import { quoted } from '../shell.ts';
import { kubeNode, labelOf } from './nodes.ts';
import type { Workload } from './workload.ts';

// Far from what a command line may be long.
const nodesAtOnce = 100;

/** The script: nodes of the same labels share a line, and a node that is not there keeps no other from its label. */
export function labelNodes(workloads: readonly Workload[]): string {
  const labels = new Map<string, string[]>();
  for (const { name, nodes } of workloads) {
    for (const node of nodes.map(kubeNode)) {
      const own = labels.get(node) ?? [];
      labels.set(node, own);
      own.push(labelOf(name));
    }
  }
  const alike = Map.groupBy(labels, ([, keys]) => keys.map((key) => `${key}=true`).join(' '));
  const lines = [...alike].flatMap(([words, nodes]) =>
    chunks(nodes.map(([node]) => quoted(node))).map(
      (some) => `kubectl label --overwrite node ${some.join(' ')} ${words} || failed=1\n`,
    ),
  );
  return `#!/bin/sh
# Labels the nodes, so that each gets its pods. A node keeps them until its label is taken away:
# kubectl label node NODE ${labelOf('NAME')}-
# ${origin}
set -u
failed=0

${lines.join('')}
${toldAtTheEnd('not every node was labelled: the lines above say why')}`;
}

function chunks(words: readonly string[]): readonly (readonly string[])[] {
  const count = Math.ceil(words.length / nodesAtOnce);
  return Array.from({ length: count }, (_, at) => words.slice(at * nodesAtOnce, (at + 1) * nodesAtOnce));
}
