import { describe, expect, test } from '@jest/globals';
import { MAX_FILE_BYTES, readYamlDocuments } from '../../../manifest/yaml-documents.ts';
import { growth, LINEAR_GROWTH } from '../../kit/cpu-time.ts';

const faults = (text: string) => readYamlDocuments(text).flatMap((document) => document.faults);

describe('values', () => {
  test('are those of YAML 1.2, not of 1.1', () => {
    expect(readYamlDocuments('a: yes\nb: 0o17\nc: 12:30\nd: 2027-01-31\ne: ~\nf: true\ng: 1e3')[0]?.value).toEqual({
      a: 'yes',
      b: 15,
      c: '12:30',
      d: '2027-01-31',
      e: null,
      f: true,
      g: 1000,
    });
  });

  test('of several documents each count, and empty ones do not', () => {
    const documents = readYamlDocuments('---\n---\na: 1\n---\n# nothing\n---\nnull\n---\nb: 2\n');
    expect(documents.map(({ line, value }) => [line, value])).toEqual([[3, { a: 1 }], [9, { b: 2 }]]);
  });

  test('may be written once and used by alias', () => {
    expect(readYamlDocuments('a: &x [1]\nb: *x')[0]?.value).toEqual({ a: [1], b: [1] });
  });
});

describe('a document', () => {
  test.each([
    ['a: 1\na: 2', 2, 'this key is there twice'],
    ['a:\n  b: 1\n  "\\x62": 2', 3, 'this key is there twice'],
    ['a: 1\n<<: {b: 1}', 2, 'merge keys are not accepted'],
    ['a: !!binary aGk=', 1, 'tags are not accepted'],
    ['a: !!str x', 1, 'tags are not accepted'],
    ['a: !own {b: 1}', 1, 'tags are not accepted'],
    ['%YAML 1.1\n---\na: yes', 2, 'directives are not accepted'],
    ['%TAG ! tag:example.com,2000:\n---\na: 1', 2, 'directives are not accepted'],
    ['1: a', 1, 'a key must be a string'],
    ['? [a]\n: b', 1, 'a key must be a string'],
    ['__proto__: {a: 1}', 1, 'this key is not accepted'],
    ['a: 1\nb: *x', 1, 'an alias has no anchor before it, or expands too far'],
    ['\ta: 1', 1, 'tabs cannot indent'],
    ['a: "x', 1, 'a character is missing: a quote, bracket, colon or space'],
  ])('%j is faulty', (text, line, problem) => {
    expect(faults(text)).toContainEqual({ line, problem });
    expect(readYamlDocuments(text).map(({ value }) => value)).toEqual([undefined]);
  });

  test('that is faulty leaves its neighbours alone', () => {
    const documents = readYamlDocuments('a: 1\n---\nb: 1\nb: 2\n---\nc: 3');
    expect(documents.map(({ value }) => value)).toEqual([{ a: 1 }, undefined, { c: 3 }]);
  });

  test('never shows its text in a fault', () => {
    const texts = ['a: *hunter2', 'a: !hunter2 b', 'a: "\\hunter2"', '@hunter2', 'a: |hunter2\n', 'hunter2: 1\nhunter2: 2', '%hunter2\n---\na: 1', 'a: [hunter2', '- hunter2\nb: c'];
    expect(texts.flatMap(faults).map(({ problem }) => problem).filter((problem) => problem.includes('hunter2'))).toEqual([]);
    expect(texts.filter((text) => faults(text).length === 0)).toEqual([]);
  });
});

describe('bounds', () => {
  test('a file that is too large is not parsed', () => {
    expect(faults(`a: ${'x'.repeat(MAX_FILE_BYTES)}`)).toEqual([{ line: 1, problem: `is larger than ${MAX_FILE_BYTES} bytes` }]);
    expect(faults(`a: ${'é'.repeat(MAX_FILE_BYTES / 2)}`)).toHaveLength(1);
  });

  test('aliases are few, and do not multiply', () => {
    const many = `a: &x 1\n${Array.from({ length: 65 }, (_, i) => `k${i}: *x`).join('\n')}`;
    expect(faults(many)).toEqual([{ line: 66, problem: 'more than 64 aliases are not accepted' }]);
    const laughs = ['a: &a [x,x,x,x,x,x,x,x,x]', 'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]', 'c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]', 'd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]'];
    expect(faults(laughs.join('\n'))).toHaveLength(1);
  });

  test.each(['[', '{a: ', '- ', '? '])('%j nested without end is a fault and not an exception', (open) => {
    const found = faults(open.repeat(20_000));
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThanOrEqual(20);
  });

  test('many keys take no more than linear time', () => {
    // The parser's own check for duplicates compares every key with every other.
    const reading = (length: number) => {
      const text = Array.from({ length }, (_, i) => `k${i}: 1`).join('\n');
      return () => expect(faults(text)).toEqual([]);
    };
    expect(growth(3000, reading)).toBeLessThan(LINEAR_GROWTH);
  });
});

describe('lineOf', () => {
  const [document] = readYamlDocuments('# x\na:\n  b:\n    - c: 1\n    - d:\n        2\ne: &e\n  f: 1\ng: *e\n');

  test.each([
    [[], 2],
    [['a'], 2],
    [['a', 'b', 1, 'd'], 5],
    [['a', 'b', 1], 5],
    [['a', 'b', 7], 3],
    [['a', 'nothing', 'here'], 2],
    [['nothing'], 2],
    [['g', 'f'], 8],
    [['a', 'b', 'c'], 3],
  ])('of %j is %d', (path, line) => {
    expect(document?.lineOf(path)).toBe(line);
  });
});
