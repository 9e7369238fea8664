/**
 * `make demo`: a real MCP server behind the gateway, real clients, every promise seen. The demo fails when anything it
 * shows is not so. `KEEP=1` leaves everything running.
 */
import { INITIALIZE } from './clients.ts';
import { createNarrator } from './narrate.ts';
import type { Narrator } from './narrate.ts';
import { COMMAND, DEMO_DIRECTORY, mcpgateway, startParts, tokenFile } from './parts.ts';
import type { Parts } from './parts.ts';
import { beginTour, callTools, listTools, revoke, revokeByCommand, rotate, showIdentity, showRecord, STEPS } from './tour.ts';

const keep = process.env['KEEP'] === '1';
const narrator = createNarrator((text) => process.stdout.write(text), STEPS);
narrator.step('Start a real MCP server, one that mirrors the headers it gets, and the gateway before both');
const parts = await startParts();
const interrupted = new Promise<void>((resolve) => {
  process.once('SIGINT', resolve);
  process.once('SIGTERM', resolve);
});
try {
  await Promise.race([runTour(parts, narrator), interrupted.then(() => Promise.reject(new Error('it was interrupted')))]);
  if (keep) {
    await explain(parts);
    await interrupted;
  } else process.stdout.write('\nDone. `make demo KEEP=1` leaves everything running, for you to try.\n');
} catch (cause) {
  process.exitCode = 1;
  const reason = cause instanceof Error ? cause.message : String(cause);
  process.stderr.write(`\nThe demo failed: ${reason}\nLast lines of the gateway:\n${parts.gateway.lines.slice(-10).join('\n')}\n`);
}
await parts.stop();

async function runTour(running: Parts, narrates: Narrator): Promise<void> {
  const tour = await beginTour(running, narrates);
  for (const show of [listTools, callTools, showIdentity, rotate, revoke, revokeByCommand, showRecord]) await show(tour);
  await tour.reader.client.close();
  await tour.operator.client.close();
}

/** Both tokens of the tour are revoked by now; a visitor gets one of his own. */
async function explain({ port, admin }: Parts): Promise<void> {
  const created = ['token', 'create', 'visitor', '-n', 'tools', '--user', 'visitor', '--server', 'everything', '--tool', '*', '-o', 'json'];
  const { token } = JSON.parse(await mcpgateway(...created)) as { token: string };
  const url = `http://127.0.0.1:${port}/tools/everything/mcp`;
  const client = { mcpServers: { everything: { type: 'http', url, headers: { Authorization: `Bearer ${token}` } } } };
  process.stdout.write(
    `
Still running; Ctrl-C ends it. The configuration is in ${DEMO_DIRECTORY}: edit it and watch.

  curl -si ${url} -H 'Authorization: Bearer ${token}' \\
    -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' -d '${JSON.stringify(INITIALIZE)}'
  curl -s ${admin}/metrics | grep ^mcpgateway_
  ${COMMAND} token list --config ${DEMO_DIRECTORY}
  ${COMMAND} token revoke visitor -n tools --config ${DEMO_DIRECTORY}

Configuration for an MCP client:
${JSON.stringify(client, undefined, 2)}

Minted tokens are beside ${tokenFile('reader-token')}
`,
  );
}
