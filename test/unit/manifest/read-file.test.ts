import { describe, expect, test } from '@jest/globals';
import { readManifestFile } from '../../../manifest/read-file.ts';

const read = (text: string) => readManifestFile({ path: 'a.yaml', text });
const A = 'kind: Secret\nmetadata: {name: a}\n';
const POD = 'kind: Pod\nmetadata: {name: p}\n';

describe('readManifestFile', () => {
  test.each<[string, string, boolean]>([
    ['nothing', '', true],
    ['a document that does not parse', `${A}---\n{`, true],
    ['a document without a name', `kind: Secret\n---\n${A}`, true],
    ['a last document of another kind whose last line is cut off', 'metadata: {name: p}\nkind: Po', true],
    ['a whole last document of another kind', `${A}---\n${POD}`, false],
    ['objects of ours alone', A, false],
  ])('of %s says whether it may hide an object', (_what, text, mayHide) => {
    expect(read(text).mayHide).toBe(mayHide);
  });

  test('gives the objects that documents are about, the last one marked', () => {
    const { entries, problems, isUnclear } = read(`${A}---\n${A.replace(': a', ': b')}`);
    expect(entries.map(({ reference, isLast, document }) => [reference.name, isLast, document.line])).toEqual([
      ['a', false, 1],
      ['b', true, 4],
    ]);
    expect([problems, isUnclear]).toEqual([[], false]);
  });

  test.each([
    ['nothing', ''],
    ['a document that does not parse', `${A}---\n{`],
    ['a document without a kind', `metadata: {name: a}\n---\n${A}`],
    ['a document without a name', `kind: Secret\n---\n${A}`],
    ['another kind at the end, whose kind may be cut off', `${A}---\n${POD}`],
  ])('is unclear about objects that are missing where there is %s', (_what, text) => {
    const { isUnclear, problems } = read(text);
    expect(isUnclear).toBe(true);
    expect(problems).toHaveLength(1);
  });

  test('is clear where a whole document is of another kind', () => {
    const { isUnclear, problems } = read(`${POD}---\n${A}`);
    expect(isUnclear).toBe(false);
    expect(problems).toEqual([
      { file: 'a.yaml', line: 1, object: undefined, field: 'kind', problem: expect.stringContaining('must be one of') },
    ]);
  });
});
