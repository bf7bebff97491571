/** The pdsh lines of ldms-cluster, as texts; test/local/cluster-lines.test.ts runs them. */
import { describe, expect, test } from 'vitest';
import { pdsh } from '../../src/cluster/render/pdsh.ts';
import { origin } from '../../src/cluster/render/rendering.ts';
import { cygnus } from '../support/clusters.ts';
import { listsIn, sampledOn } from '../support/pdsh-lists.ts';

const render = async (site: Parameters<typeof cygnus>[0] = {}) => {
  const files = pdsh.render(await cygnus(site));
  return { files, start: files[0]?.text ?? '', stop: files[1]?.text ?? '' };
};

test('there are two scripts, and beside them the files that they copy', async () => {
  expect((await render()).files.map(({ path, executable }) => [path, executable ?? false])).toEqual([
    ['start.sh', true],
    ['stop.sh', true],
    ['dsosd.json', false],
    ['ldms_cfg.yaml', false],
    ['dsosd.conf', false],
    ['settings.py', false],
  ]);
});

test('the lines are those of the README of ldms-containers, with the least privileges', async () => {
  const { start } = await render();
  expect(start.split('\n').slice(0, 3)).toEqual([
    '#!/bin/sh',
    '# Starts all containers, from a host that reaches all the others by pdsh.',
    `# ${origin}`,
  ]);
  expect(start).toContain(
    `
# Samplers on cygnus-0[1-4]
pdsh -S -w 'cygnus-0[1-4]' 'docker run -d --name=samp --restart=unless-stopped --network=host --pid=host --cap-drop=ALL --cap-add=NET_BIND_SERVICE --security-opt=no-new-privileges --read-only --device=/dev/infiniband --ulimit memlock=-1 -e LDMS_ENTRYPOINT_COMPONENT_ID=COMPONENT_ID -v /run/munge:/run/munge:ro ovishpc/ldms-samp:latest -x rdma:411 -a munge' >/dev/null || failed=1
`,
  );
  expect(start.match(/^# \w.*on .*$/gm)?.slice(1)).toEqual([
    '# Samplers on cygnus-0[1-4]',
    '# Aggregators on cygnus-0[5-6]',
    '# Aggregator on cygnus-07',
    '# Maestro on cygnus-07',
    '# The web back-end on cygnus-07',
    '# Grafana on cygnus-07',
  ]);
});

test('no container that mounts a file is started where the file could not be copied to', async () => {
  const { start } = await render({ files: '/srv/ldms' });
  expect(start).toContain("'ls /srv/ldms/dsosd.json >/dev/null && docker run -d --name=agg ");
  expect(start).toContain(
    "'ls /srv/ldms/dsosd.conf /srv/ldms/settings.py >/dev/null && docker run -d --name=ui ",
  );
});

test('a group is stopped by one line', async () => {
  expect((await render()).stop).toContain(
    "\n# Samplers on cygnus-0[1-4]\npdsh -S -w 'cygnus-0[1-4]' 'docker stop samp && docker rm samp' >/dev/null || failed=1\n",
  );
});

test('without a file to copy nothing is copied', async () => {
  const { start, files } = await render({ maestro: 'none', ui: 'none', grafana: 'none' });
  expect(start.match(/^scp .*$/gm)).toEqual(['scp -q "$here"/dsosd.json cygnus-07:/etc/ldms/ || failed=1']);
  expect(files.map(({ path }) => path)).toEqual(['start.sh', 'stop.sh', 'dsosd.json']);
  const samplers = await sampledOn(['a1']);
  expect(pdsh.render(samplers)[0]?.text).not.toMatch(/scp|here=/);
});

test('a number that is not in the name of a node is in its line', async () => {
  const { containers, site, files } = await cygnus();
  const nodes = ['alpha', 'beta'].map((node, index) => {
    const [first] = containers;
    if (!first) throw new Error('cygnus has no containers');
    return { ...first, node, component: { variables: ['COMPID'], number: index + 1, inName: false } };
  });
  const text = pdsh.render({ site, files, containers: nodes })[0]?.text ?? '';
  expect(text).toMatch(/^pdsh -S -w alpha 'docker run .* -e COMPID=1 /m);
  expect(text).toMatch(/^pdsh -S -w beta 'docker run .* -e COMPID=2 /m);
  // Which is no matter when they are stopped.
  expect(pdsh.render({ site, files, containers: nodes })[1]?.text).toContain('pdsh -S -w alpha,beta ');
});

describe('very many hosts', () => {
  test('are one short line where their names are alike', async () => {
    const text =
      pdsh.render(
        await sampledOn(Array.from({ length: 10_000 }, (_, index) => `nid${String(index).padStart(5, '0')}`)),
      )[0]?.text ?? '';
    expect(listsIn(text)).toEqual(['nid[00000-09999]']);
  });

  test('are several lines where a list would be too long for Linux, or a range for pdsh', async () => {
    const strange = Array.from(
      { length: 10_000 },
      (_, index) => `rack-${index}-of-the-cluster-${(index * 7919) % 10_007}-x`,
    );
    for (const hosts of [strange, Array.from({ length: 40_000 }, (_, index) => `n${index}`)]) {
      const text = pdsh.render(await sampledOn(hosts))[0]?.text ?? '';
      const lists = listsIn(text);
      expect(lists.length).toBeGreaterThan(1);
      for (const list of lists) expect(list.length).toBeLessThanOrEqual(60_000);
      // The comment does not have the list once more.
      expect(text).toContain(`\n# Samplers on ${hosts.length} hosts\n`);
    }
  });
});

test('what to type next names the directory, quoted', async () => {
  expect(pdsh.next('my cluster', await cygnus())).toBe(
    "on a host that reaches all the others by pdsh: sh 'my cluster/start.sh'",
  );
});
