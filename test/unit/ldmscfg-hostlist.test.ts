import { describe, expect, test } from 'vitest';
import { expandHostlist, mostNames, splitHostlist } from '../../src/ldmscfg/hostlist.ts';

describe('expandHostlist', () => {
  test.each([
    ['a single name', 'localhost', ['localhost']],
    ['names between commas', 'a,b,c', ['a', 'b', 'c']],
    ['a range', 'n[1-3]', ['n1', 'n2', 'n3']],
    ['numbers and ranges', 'n[1-2,7,9-10]', ['n1', 'n2', 'n7', 'n9', 'n10']],
    ['a range of one', 'n[4-4]', ['n4']],
    ['a text behind the bracket', 'cygnus-0[1-2]-iw', ['cygnus-01-iw', 'cygnus-02-iw']],
    ['zeros from the width of the lower bound', 'n[08-11]', ['n08', 'n09', 'n10', 'n11']],
    ['a lower bound narrower than the upper', 'n[8-011]', ['n8', 'n9', 'n10', 'n11']],
    ['a single number as it is written', 'n[007]', ['n007']],
    ['two brackets, the last one fastest', 'r[1-2]n[1-2]', ['r1n1', 'r1n2', 'r2n1', 'r2n2']],
    ['brackets side by side', '[1-2][3-4]', ['13', '14', '23', '24']],
    ['only a bracket', '[10001-10002]', ['10001', '10002']],
    ['parts with and without brackets', 'a,b[1-2],c', ['a', 'b1', 'b2', 'c']],
    ['a comma in brackets is none between parts', 'a[1,3],b', ['a1', 'a3', 'b']],
    ['variables and other letters', '${HOST}-[1-2]', ['${HOST}-1', '${HOST}-2']],
  ])('%s', (_, expression, names) => {
    expect(expandHostlist(expression)).toEqual({ names });
  });

  test.each([
    ['two parts', 'a[1-2],a2,b', ['a1', 'a2', 'b'], 'a2'],
    ['one bracket', 'a[1-2,1]', ['a1', 'a2'], 'a1'],
  ])('a name that is in %s is there once, and told', (_, expression, names, repeated) => {
    expect(expandHostlist(expression)).toEqual({ names, repeated });
  });

  test.each([
    ['', 'is empty'],
    ['  ', 'is empty'],
    ['a, b', 'has a blank in it; write a,b'],
    ['a,,b', 'has a comma too many; write a,b'],
    ['a,', 'has a comma too many; write a'],
    [',', 'has a comma too many'],
    ['cygnus-0[1-4', 'has an unclosed bracket; write cygnus-0[1-4]'],
    ['cygnus-0[1-4-iw', 'has an unclosed bracket; write cygnus-0[1-4]-iw'],
    ['a[1,3', 'has an unclosed bracket; write a[1,3]'],
    ['a[', 'has an unclosed bracket'],
    ['a[x', 'has an unclosed bracket'],
    ['a1-4]', 'has a ] without a [ before it'],
    ['a[1]]', 'has a ] without a [ before it'],
    ['a[1-[2]]', 'has a bracket within brackets; close each [ before the next'],
    ['a[1-4,b[1-2]', 'has a bracket within brackets; close each [ before the next'],
    ['a[]', 'has empty brackets; write a range such as [1-4]'],
    ['a[1,]', 'has an empty place in [1,]'],
    ['a[4-1]', 'has 4-1, which counts down; write 1-4'],
    ['a[a-c]', 'has a-c in brackets, where only numbers and ranges such as 1-4,7 may stand'],
    ['a[1-]', 'has 1- in brackets, where only numbers and ranges such as 1-4,7 may stand'],
    ['a[1-2-3]', 'has 1-2-3 in brackets, where only numbers and ranges such as 1-4,7 may stand'],
    ['a[-1]', 'has -1 in brackets, where only numbers and ranges such as 1-4,7 may stand'],
    ['a[1-10000000000000000]', 'has a range with more than 15 digits: 1-10000000000000000'],
    ['a[0-100000]', 'stands for more than 100,000 names'],
    ['a[1-999999999999999]', 'stands for more than 100,000 names'],
    ['a[1-1000]b[1-101]', 'stands for more than 100,000 names'],
    ['a[1-60000],b[1-60000]', 'stands for more than 100,000 names'],
    ['a[1-60000,70000-130000]', 'stands for more than 100,000 names'],
    ['a[1-9]'.repeat(200), 'stands for more than 100,000 names'],
  ])('%j is wrong', (expression, wrong) => {
    expect(expandHostlist(expression)).toEqual({ wrong });
  });

  test.each(['a[1-100000]', 'a[1-1000]b[1-100]', 'a[1-50000],b[1-50000]'])(
    '%s is as long as a list may be',
    (expression) => {
      const expanded = expandHostlist(expression);
      expect('names' in expanded && expanded.names).toHaveLength(mostNames);
    },
  );

  test('a number of more digits than a number can have is copied', () => {
    expect(expandHostlist('a[12345678901234567890]')).toEqual({ names: ['a12345678901234567890'] });
  });
});

describe('splitHostlist', () => {
  test.each([
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    ['a[1,2],b[3]', ['a[1,2]', 'b[3]']],
    ['a,', ['a', '']],
  ])('%s', (expression, parts) => {
    expect(splitHostlist(expression)).toEqual(parts);
  });
});
