/** A process that serves a directory as far as minting goes, to be killed: `crash-driver.ts DIR [--until-minted]`. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createGatewayConfigParser } from '../../manifest/gateway-config.ts';
import { createManifestLoader } from '../../manifest/load.ts';
import { systemClock } from '../../runtime/clock.ts';
import { createLogger } from '../../runtime/log.ts';
import { createDirectorySource } from '../../standalone/directory-source.ts';

const [directory = '', option] = process.argv.slice(2);
const minted = Promise.withResolvers<void>();
const source = createDirectorySource({
  directory,
  stateDirectory: join(directory, '.mcpgateway'),
  loader: createManifestLoader(),
  parseConfig: createGatewayConfigParser(),
  clock: systemClock,
  randomBytes,
  log: createLogger({ level: 'warn' }),
  onConfirmed: () => undefined,
  onState: ({ bundles }) => {
    const tokens = bundles.flatMap((bundle) => bundle.tokens);
    if (tokens.length > 0 && tokens.every(({ generations }) => generations.length > 0)) minted.resolve();
  },
});
await source.start();
if (option === '--until-minted') {
  await minted.promise;
  await source.stop();
}
