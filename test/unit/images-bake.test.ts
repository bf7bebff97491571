/** docker-bake.hcl offers what the builder builds. buildx is not in Debian, so that bake itself does not run here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recipeOf } from '../../images/build/context.ts';
import { imageNames } from '../../images/build/images.ts';
import { repository } from '../support/program.ts';

const hcl = readFileSync(join(repository, 'images/docker-bake.hcl'), 'utf8');
const blocks = new Map(
  [...hcl.matchAll(/^target "(\w+)" \{\n(.*?)^\}/gms)].map(([, name = '', body = '']) => [name, body]),
);

test('the default group has every image', () => {
  const [, targets = ''] = /group "default" \{\s*targets = \[(.*?)\]/s.exec(hcl) ?? [];
  expect(targets.split(/,\s*/).map((name) => name.replaceAll('"', ''))).toEqual([...imageNames]);
});

test.each([...imageNames])('%s has its context, its name and its base', (name) => {
  const body = blocks.get(name) ?? '';
  expect(body).toContain(`context  = "dist/images/\${ARCH}/${name}"`);
  expect(body).toContain(`"\${NAMESPACE}/ldms-${name}:\${TAG}-\${ARCH}"`);
  expect(body).toContain(name === 'grafana' ? 'inherits = ["any"]' : 'inherits = ["debian"]');
});

test.each([...imageNames, 'common'] as const)(
  'the arguments of %s are known to bake, with the same defaults',
  (name) => {
    const dockerfile = readFileSync(join(recipeOf(name), 'Dockerfile'), 'utf8');
    for (const [, arg = '', value = ''] of dockerfile.matchAll(/^ARG (\w+)=(.*)$/gm)) {
      if (arg === 'COMMON_IMAGE') expect(blocks.get('debian')).toContain(`"${value}" = "target:common"`);
      else expect(hcl).toContain(`variable "${arg}" { default = "${value}" }`);
    }
  },
);
