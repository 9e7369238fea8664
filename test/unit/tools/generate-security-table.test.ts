import { describe, expect, test } from '@jest/globals';
import { securityTable, testsById } from '../../../tools/generate-security-table.ts';
import { CHECKLIST } from '../../integration/security/checklist.ts';
import { NOT_APPLICABLE } from '../../integration/security/not-applicable.ts';

const file = (path: string, text: string): { path: string; text: string } => ({ path, text });

describe('titles', () => {
  test('name the cases they begin with, also several, also in the rows of a table', () => {
    const text = `test('A1 A2 strips it', f); test.each([['B3, B4 refuses', 1]])(\`%s\`, f); describe("C5 is none", f);`;
    expect([...testsById([file('a.test.ts', text)]).keys()]).toEqual(['A1', 'A2', 'B3', 'B4', 'C5']);
  });

  test('name nothing in their middle, alone, or where only the letter is right', () => {
    const text = `test('strips A1 again', f); const x = 'A1'; test('A123 no', f); test('N1 no', f); test('a1 no', f);`;
    expect(testsById([file('a.test.ts', text)]).size).toBe(0);
  });
});

describe('the table', () => {
  const checklist = { A1: 'one', A2: 'two', B1: 'three' };

  test('says where a case is tested, or why it cannot apply', () => {
    const { page, problems } = securityTable(checklist, { A2: 'There is none.' }, [file('x.test.ts', `test('A1 x', f)`), file('y.test.ts', `test('B1 A1 y', f)`)]);
    expect(problems).toEqual([]);
    expect(page).toContain('3 cases: 2 tested, 1 not applicable');
    expect(page).toContain('| A1 | one | `x.test.ts`, `y.test.ts` |');
    expect(page).toContain('| A2 | two | Not applicable. There is none. |');
  });

  test('finds the case with neither, the case with both, and the id nobody knows', () => {
    const { problems } = securityTable(checklist, { A1: 'Reason.', A9: 'Reason.' }, [file('x.test.ts', `test('A1 x', f); test('M9 x', f)`)]);
    expect(problems).toEqual([
      'A2 has no test and no reason',
      'B1 has no test and no reason',
      'A1 has a test and a reason why it cannot apply',
      'M9 is not on the list',
      'A9 is not on the list',
    ]);
  });
});

test('the checklist has 191 cases, and every reason is a sentence about one of them', () => {
  expect(Object.keys(CHECKLIST).length).toBe(191);
  for (const [id, reason] of Object.entries(NOT_APPLICABLE)) {
    expect(CHECKLIST).toHaveProperty([id]);
    expect(reason).toMatch(/^[A-Z].*\.$/);
  }
});
