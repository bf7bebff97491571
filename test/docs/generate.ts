/** Writes the made pages: `npm run docs`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pages } from './pages.ts';

for (const [page, text] of Object.entries(pages())) {
  writeFileSync(join(import.meta.dirname, '../../docs', page), text);
}
