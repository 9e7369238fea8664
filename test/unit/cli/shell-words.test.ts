import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { shellCommand } from '../../../cli/shell-words.ts';

test.each([['plain'], ['get_*'], ["it's"], ['a b'], ['$(id)'], ['`id`'], ['"x"'], ['\\'], ['']])('a shell reads %j back as it was', (word) => {
  expect(execFileSync('sh', ['-c', shellCommand(['printf', '%s', word])], { encoding: 'utf8' })).toBe(word);
});
