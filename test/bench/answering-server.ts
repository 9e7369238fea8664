/**
 * The two servers of the bench, each a process of its own: `bare` answers at once, as a hello-world server does;
 * `upstream` reads the call first, as an MCP server does. Usage: node answering-server.ts bare|upstream
 */
import { createServer } from 'node:http';
import { answerBody, BARE_ANSWER_BYTES, UPSTREAM_ANSWER_BYTES } from './call.ts';

const isUpstream = process.argv[2] === 'upstream';
const body = answerBody(isUpstream ? UPSTREAM_ANSWER_BYTES : BARE_ANSWER_BYTES);
const headers = { 'Content-Type': 'application/json', 'Content-Length': String(body.length) };

const server = createServer((request, response) => {
  const answer = (): void => void response.writeHead(200, headers).end(body);
  if (!isUpstream) return answer();
  request.on('end', answer).resume();
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stderr.write(`${JSON.stringify({ message: 'listening', port: typeof address === 'object' ? address?.port : undefined })}\n`);
});
