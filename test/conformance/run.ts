/**
 * `make conformance`: the official suite against the fixture server, directly and through the gateway with
 * authentication on. Ends with 1 if the gateway changes any result, or a scored scenario fails either way.
 */
import { startFixture } from '../fixture/fixture.ts';
import { startGateway } from '../kit/gateway.ts';
import { createOwner } from '../kit/owner.ts';
import { compare, formatComparison } from './compare.ts';
import { REQUIREMENT_SETS, runSuite } from './suite.ts';

const SERVER = 'fixture';
const TOKEN = 'conformance';

const owner = createOwner();
try {
  const fixture = owner.own(await startFixture());
  const everything = { serverRefs: [{ name: SERVER }], tools: ['*'], prompts: ['*'], resources: ['*'] };
  const gateway = owner.own(
    await startGateway({
      servers: [{ name: SERVER, port: fixture.port }],
      tokens: [{ name: TOKEN, permissions: [everything] }],
    }),
  );
  for (const requirements of REQUIREMENT_SETS) {
    const direct = await runSuite({ url: fixture.url }, requirements);
    const authorization = `Bearer ${gateway.tokens[TOKEN] ?? ''}`;
    const through = await runSuite({ url: gateway.url(SERVER), authorization }, requirements);
    const comparison = compare(direct, through);
    process.stdout.write(`${formatComparison(requirements, comparison)}\n\n`);
    if (comparison.faults.length > 0) process.exitCode = 1;
  }
} finally {
  await owner.stopAll();
}
