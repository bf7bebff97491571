/** Writes the made pages, and what examples/ has of ldms-cluster's: `npm run docs`. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ways } from '../../src/cluster/render/index.ts';
import { pages } from './pages.ts';

for (const [page, text] of Object.entries(pages())) {
  writeFileSync(join(import.meta.dirname, '../../docs', page), text);
}

const repository = join(import.meta.dirname, '../..');
for (const way of ways) {
  const words = ['render', 'ldms_cfg.yaml', `--as=${way}`, `--output=${way}`, '--suffix=-iw', '--force'];
  execFileSync(join(repository, 'dist/ldms-cluster'), words, { cwd: join(repository, 'examples/cygnus') });
}
