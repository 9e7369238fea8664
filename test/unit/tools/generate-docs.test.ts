import { describe, expect, test } from '@jest/globals';
import { DENIAL_CODES } from '../../../core/denial.ts';
import { EVENT_CODES } from '../../../sidecar/audit/codes.ts';
import { readHelp } from '../../../tools/docs-commands.ts';
import { code, listFields, renderFields, renderRules, renderTable } from '../../../tools/docs-schema.ts';
import { generateDocs, outdatedPages } from '../../../tools/generate-docs.ts';

describe('the reference pages', () => {
  const pages = generateDocs();

  test('in the tree are those of their sources', async () => {
    expect(outdatedPages(await pages)).toEqual([]);
    expect(Object.keys(await pages)).toHaveLength(7);
  });

  test('a page that differs is found', async () => {
    const [path = '', text = ''] = Object.entries(await pages)[0] ?? [];
    expect(outdatedPages({ [path]: `${text} `, 'docs/reference/absent.md': '' })).toEqual([path, 'docs/reference/absent.md']);
  });

  test('have a row for every denial code and every audit event', async () => {
    const { 'docs/reference/denials.md': denials = '', 'docs/reference/audit-events.md': events = '' } = await pages;
    expect(DENIAL_CODES.filter((each) => !denials.includes(`| \`${each}\` |`))).toEqual([]);
    expect(Object.entries(EVENT_CODES).filter(([name, number]) => !events.includes(`| \`${number}\` | \`${name}\` |`))).toEqual([]);
  });

  test('show the status of a refused call where it is not that of the refusal alone', async () => {
    const denials = (await pages)['docs/reference/denials.md'] ?? '';
    expect(denials).toContain('| `ERR_PERMISSION_DENIED` | 403; call 200 | -31403 |');
    expect(denials).toContain('| `ERR_METHOD_UNKNOWN` | 404; call 200 until 2025-11-25, 404 since 2026-07-28 | -32601 |');
    expect(denials).toMatch(/`ERR_CREDENTIAL_REVOKED` \|.*Shown to the client as `ERR_CREDENTIAL_INVALID`/);
  });

  test('say what this release refuses', async () => {
    const { 'docs/reference/mcpserver.md': server = '', 'docs/reference/gatewaytoken.md': token = '' } = await pages;
    expect(server).toMatch(/does not enforce every value of .*`spec\.authentication\.oidc`/);
    expect(token).toMatch(/does not enforce every value of .*`spec\.binding`/);
  });
});

describe('the help of the command line', () => {
  test('is followed down to every subcommand', async () => {
    const names = (await readHelp(['token'])).map(({ name }) => name);
    expect(names).toEqual(['mcpgateway token', ...['create', 'list', 'rotate', 'revoke'].map((verb) => `mcpgateway token ${verb}`)]);
  });
});

describe('fields of a schema', () => {
  const schema = {
    type: 'object',
    required: ['items'],
    properties: {
      items: {
        type: 'array',
        minItems: 1,
        maxItems: 4,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        'x-kubernetes-validations': [{ rule: 'self.size() > 0', message: 'must not be empty' }],
        items: {
          type: 'object',
          properties: {
            name: { type: 'string', minLength: 1, maxLength: 8, pattern: '^(a|b)$', description: 'A <name>, `a|b`.' },
            mode: { type: 'string', enum: ['On', 'Off'], default: 'Off', maxLength: 3 },
          },
        },
      },
    },
  };

  test('are one row each, with type, default and bounds', () => {
    expect(renderFields(listFields(schema, 'spec')).split('\n').slice(2)).toEqual([
      '| `spec.items` | list of object | required | 1 to 4 entries; distinct by `name` |  |',
      '| `spec.items[].name` | string |  | 1 to 8 characters; `^(a\\|b)$` | A &lt;name>, `a\\|b`. |',
      '| `spec.items[].mode` | `On` or `Off` | `"Off"` |  |  |',
    ]);
  });

  test('have their rules beside them', () => {
    expect(renderRules(listFields(schema, ''))).toBe('- `items`: must not be empty');
  });

  test('keep a table whole', () => {
    expect(renderTable(['A'], [['one\ntwo']])).toBe('| A |\n|---|\n| one two |');
    expect(code('a`b')).toBe('`` a`b ``');
  });
});
