/**
 * Serves build/ and a made-up GraphQL API by the real schema, to look at screens without the
 * platform: `node tests/mock/server.js [port]`. `?quiet` states are set by POST /mock {"state"}.
 */
import { createServer } from 'node:http';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { buildSchema, graphql } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { resolvers } from './resolvers.js';

const PORT = Number(process.argv[2] ?? 4173);
const BUILD = new URL('../../build', import.meta.url).pathname;
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json'
};
const schema = buildSchema(
  readFileSync(new URL('../../../schema.graphql', import.meta.url), 'utf8')
);

async function body(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text || '{}');
}

function serveFile(request, response) {
  const path = new URL(request.url, 'http://localhost').pathname;
  let file = join(BUILD, path);
  if (!existsSync(file) || !statSync(file).isFile()) {
    if (path.startsWith('/_app')) return response.writeHead(404).end();
    file = join(BUILD, 'index.html');
  }
  const zipped = existsSync(`${file}.gz`);
  response.writeHead(200, {
    'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    ...(zipped && { 'content-encoding': 'gzip' })
  });
  response.end(readFileSync(zipped ? `${file}.gz` : file));
}

const server = createServer(async (request, response) => {
  if (request.method === 'POST' && request.url === '/graphql') {
    const { query, variables } = await body(request);
    const answer = await graphql({
      schema,
      source: query,
      variableValues: variables,
      rootValue: resolvers
    });
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  } else serveFile(request, response);
});

useServer(
  { schema, roots: { subscription: resolvers } },
  new WebSocketServer({ server, path: '/graphql' })
);
server.listen(PORT, '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}`));
