// PostGraphile 5 on the benchmark's database: `server.mjs <port> <postgres url> <project>`.
import { createServer } from 'node:http';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';

const [port, connectionString, project] = process.argv.slice(2);
const service = makePgService({
  connectionString,
  schemas: ['public'],
  poolConfig: { max: 8 },
  pgSettings: () => ({ 'app.project': project })
});
const pgl = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [service],
  grafserv: { graphqlPath: '/graphql', watch: false, graphiql: false },
  grafast: { explain: false },
  gather: { installWatchFixtures: false }
});
const server = createServer();
await pgl.createServ(grafserv).addTo(server);
server.listen(Number(port), '127.0.0.1', () => console.log('open'));
