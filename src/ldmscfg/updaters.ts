/** The `updaters` of an aggregator's peers: when which sets are fetched. */
import { openFields, readList, readText, readWord, type Shape } from './fields.ts';
import type { SetMatch, Updater } from './model.ts';
import type { Notes } from './notes.ts';
import { warnMisreadPerm } from './perm.ts';
import type { Value } from './value.ts';
import { compareOffset, readInterval } from './values.ts';

const shape: Shape = {
  what: 'updaters entry',
  required: { interval: 'interval: 1s' },
  optional: ['mode', 'offset', 'sets', 'producers', 'perm', 'auto_interval', 'auto', 'push', 'name'],
};

const setShape: Shape = {
  what: 'sets entry',
  required: { regex: 'regex: .*' },
  optional: ['field'],
};

const modes = ['pull', 'push', 'onchange', 'auto', 'auto_interval'];
const fieldNames = ['inst', 'schema'];

/** Reads a list of updaters. */
export function readUpdaters(value: Value | undefined, notes: Notes): Updater[] {
  return readList(value, 'updaters', notes).flatMap((item) => {
    const fields = openFields(item, 'updaters', shape, notes);
    if (!fields) return [];
    const interval = readInterval(fields.get('interval'), 'interval', 'positive', notes);
    const offset = readInterval(fields.get('offset'), 'offset', 'any', notes);
    compareOffset(fields.get('offset'), offset, interval, notes);
    warnMisreadPerm(fields, notes);
    const mode = readWord(fields.get('mode'), 'mode', modes, notes) ?? 'pull';
    return [
      { at: notes.place(fields.at), mode, interval, offset, sets: readSets(fields.get('sets'), notes) },
    ];
  });
}

function readSets(value: Value | undefined, notes: Notes): SetMatch[] {
  return readList(value, 'sets', notes).flatMap((item) => {
    const fields = openFields(item, 'sets', setShape, notes);
    const regex = readText(fields?.get('regex'), 'regex', notes);
    if (!fields || regex === undefined) return [];
    const field = readWord(fields.get('field'), 'field', fieldNames, notes) ?? 'inst';
    return [{ regex, field }];
  });
}
