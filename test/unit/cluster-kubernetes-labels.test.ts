/** The script that labels nodes, run with a stand-in for kubectl; and names, made unique. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { dnsLabel, uniqueNames } from '../../src/cluster/render/kubernetes/names.ts';
import type { Rendering } from '../../src/cluster/render/rendering.ts';
import { cygnus } from '../support/clusters.ts';
import { samplers, textsOf } from '../support/manifests.ts';
import { testNeeding } from '../support/needs.ts';
import { run } from '../support/program.ts';

/** Runs label-nodes.sh; the stand-in for kubectl tells its arguments, and fails for a node of the name `gone`. */
async function labelled(rendering: Rendering) {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-kubectl-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const script = join(directory, 'label-nodes.sh');
  writeFileSync(script, textsOf(rendering).get('label-nodes.sh') ?? '');
  const kubectl = join(directory, 'kubectl');
  writeFileSync(kubectl, '#!/bin/sh\necho "$*"\ncase " $* " in *" gone "*) exit 1;; esac\n');
  chmodSync(kubectl, 0o755);
  const env = { PATH: `${directory}:${process.env['PATH']}` };
  const { code, stdout, stderr } = await run('sh', [script], { env });
  return { code, stderr, lines: stdout.trimEnd().split('\n') };
}

describe('label-nodes.sh', () => {
  test('gives each node the labels of all its pods at once', async () => {
    const label = (name: string) => `ldms.ovis-hpc.org/${name}=true`;
    expect(await labelled(await cygnus())).toEqual({
      code: 0,
      stderr: '',
      lines: [
        `label --overwrite node cygnus-01 cygnus-02 cygnus-03 cygnus-04 ${label('samp')}`,
        `label --overwrite node cygnus-05 cygnus-06 ${label('agg')}`,
        `label --overwrite node cygnus-07 ${['agg-2', 'maestro', 'ui', 'grafana'].map(label).join(' ')}`,
      ],
    });
  });

  test('labels 10,000 nodes a hundred at a time, each once', async () => {
    const { code, lines } = await labelled(await samplers('nid[00001-10000]', 'samp-[1-10000]'));
    const nodes = lines.flatMap((line) => line.match(/\bnid\d+/g) ?? []);
    expect({ code, lines: lines.length, nodes: nodes.length, different: new Set(nodes).size }).toEqual({
      code: 0,
      lines: 100,
      nodes: 10_000,
      different: 10_000,
    });
  });

  test('goes on after a node that is not there, and tells it', async () => {
    const { code, stderr, lines } = await labelled(await samplers('gone,here', 'samp-[1-2]'));
    expect(lines).toHaveLength(2);
    expect(stderr).toBe('label-nodes.sh: not every node was labelled: the lines above say why\n');
    expect(code).toBe(1);
  });

  testNeeding(['shellcheck'], 'shellcheck has nothing to say', async () => {
    const check = (text: string) => run('shellcheck', ['--shell=sh', '-'], { input: text });
    const text = textsOf(await cygnus()).get('label-nodes.sh') ?? '';
    expect(await check(text)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await check(`${text}rm $1/*\n`)).code).not.toBe(0);
  });
});

describe('names', () => {
  test.each([
    ['samp-', 'samp'],
    ['Samp_A.b', 'samp-a-b'],
    ['1st', 'agg-1st'],
    ['', 'agg'],
    ['--', 'agg'],
    ['x'.repeat(80), 'x'.repeat(45)],
  ])('%j becomes %s', (text, label) => {
    expect(dnsLabel(text, 'agg')).toBe(label);
  });

  test('that are wished for twice, or taken, get numbers', () => {
    const unique = uniqueNames(['namespace']);
    const wishes = ['agg', 'agg-2', 'agg', 'agg', 'namespace'];
    expect(wishes.map(unique)).toEqual(['agg', 'agg-2', 'agg-3', 'agg-4', 'namespace-2']);
  });
});
