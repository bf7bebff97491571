/** Every relative link in README.md, docs/ and examples/ leads to a file, and to a heading if it names one. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dirname, normalize } from 'node:path/posix';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const pages = Object.fromEntries(
  [
    'README.md',
    'examples/README.md',
    'examples/cygnus/README.md',
    ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
  ]
    .filter((path) => path.endsWith('.md'))
    .map((path) => [path, readFileSync(join(root, path), 'utf8')]),
);
const isThere = (path: string) => existsSync(join(root, path));

test.each(Object.keys(pages))('%s: each link leads somewhere', (path) => {
  expect(brokenLinks(pages, isThere).filter((complaint) => complaint.startsWith(`${path}: `))).toEqual([]);
});

test('there are such links, with headings too', () => {
  const links = Object.values(pages).flatMap(linksOf);
  expect(links.length).toBeGreaterThan(20);
  expect(links.filter((link) => link.includes('#')).length).toBeGreaterThan(5);
});

test('a file that is not there, a heading that is not there, and nothing else, is found out', () => {
  const made = {
    'README.md': [
      '# Top',
      '## The `key` of ldms_cfg.yaml, and *more*',
      '## Twice',
      '## Twice',
      '[a](docs/a.md) [b](docs/none.md) [c](#top) [d](#bottom) [e](docs/a.md#one-two) [f](docs/a.md#three)',
      '[g](https://example.org/none.md) [h](#the-key-of-ldms_cfgyaml-and-more) [i](#twice-1) [j](#twice-2)',
      '`[in code](none.md)`',
      '',
      '    [in code](none.md)',
      '```text\n[in code](none.md)\n# In code\n```',
      '[k](#in-code)',
    ].join('\n'),
    'docs/a.md': '# One: two?\n[up](../README.md#top) [across](./b.md) [wrong](README.md)\n',
    'docs/b.md': '',
  };
  expect(brokenLinks(made, (path) => path in made)).toEqual([
    'README.md: there is no file docs/none.md',
    'README.md: there is no heading #bottom in README.md',
    'README.md: there is no heading #three in docs/a.md',
    'README.md: there is no heading #twice-2 in README.md',
    'README.md: there is no heading #in-code in README.md',
    'docs/a.md: there is no file docs/README.md',
  ]);
});

/** What is wrong with the links of pages, which are given by their paths. */
function brokenLinks(texts: Readonly<Record<string, string>>, there: (path: string) => boolean): string[] {
  return Object.entries(texts).flatMap(([page, text]) =>
    linksOf(text).flatMap((link) => {
      const [file = '', anchor] = link.split('#');
      const path = file === '' ? page : normalize(join(dirname(page), file));
      if (!there(path)) return [`${page}: there is no file ${path}`];
      if (anchor === undefined || anchorsOf(texts[path] ?? '').includes(anchor)) return [];
      return [`${page}: there is no heading #${anchor} in ${path}`];
    }),
  );
}

/** The relative links of a page. */
function linksOf(text: string): string[] {
  const found = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return found.filter((link) => !/^[a-z]+:/.test(link));
}

/** The names that GitHub gives to a page's headings. */
function anchorsOf(text: string): string[] {
  const seen = new Map<string, number>();
  const headings = [...withoutFences(text).matchAll(/^#+ (.*)$/gm)];
  return headings.map(([, words = '']) => {
    const name = words
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    return before === 0 ? name : `${name}-${before}`;
  });
}

const withoutFences = (text: string): string => text.replace(/^```.*?^```$/gms, '');

const withoutCode = (text: string): string =>
  withoutFences(text)
    .replace(/(?<=\n\n)(?: {4}.*\n?)+/g, '')
    .replace(/`[^`\n]*`/g, '');
