import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { EMPTY_LEDGER } from '../../../api/ledger.ts';
import { compileConfiguration, loadConfiguration, readLedger, requireToken } from '../../../cli/configuration.ts';
import { aHashToken, aServer, GATEWAY_CONFIG } from '../../kit/directory-source.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const aDirectory = temporaryDirectories();

test('reads what serve would read, and compiles what it would serve', async () => {
  const directory = aDirectory();
  for (const [name, text] of Object.entries({ 'gateway-config.json': GATEWAY_CONFIG, 'server.yaml': aServer(), 'ci.yaml': aHashToken('ci'), '.ci.yaml.swp': 'junk' })) {
    writeFileSync(join(directory, name), text);
  }
  const configuration = await loadConfiguration({ config: directory });
  expect(configuration.manifest.problems).toEqual([]);
  expect(configuration.stateDirectory).toBe(join(directory, '.mcpgateway'));
  expect(compileConfiguration(configuration)).toMatchObject({ bundles: [{ tokens: [{ name: 'ci' }] }], problems: [] });
});

test('says why a token cannot be used', async () => {
  const directory = aDirectory();
  writeFileSync(join(directory, 'ci.yaml'), aHashToken('ci').replace('type: Bearer', 'type: Magic'));
  const configuration = await loadConfiguration({ config: directory });
  expect(() => requireToken(configuration, 'tools', 'ci')).toThrow(/ci\.yaml:7 spec\.type: /);
  expect(() => requireToken(configuration, 'tools', 'other')).toThrow('has no valid GatewayToken tools/other');
});

test('needs gateway-config.json only for what asks it', async () => {
  const directory = aDirectory();
  const configuration = await loadConfiguration({ config: directory });
  expect(() => configuration.requireGatewayConfig()).toThrow('gateway-config.json: is missing');
});

test('a ledger that is not there is none; a damaged one is an error', async () => {
  const directory = aDirectory();
  const path = join(directory, 'ledger.json');
  expect(await readLedger(path)).toBeUndefined();
  writeFileSync(path, JSON.stringify(EMPTY_LEDGER));
  expect(await readLedger(path)).toEqual(EMPTY_LEDGER);
  writeFileSync(path, '{');
  await expect(readLedger(path)).rejects.toThrow('it is damaged');
});

test('a directory that is not there is named', async () => {
  await expect(loadConfiguration({ config: join(aDirectory(), 'missing') })).rejects.toThrow('cannot be listed (ENOENT)');
});
