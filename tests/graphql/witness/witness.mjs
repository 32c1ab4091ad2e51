// A third party's client against our socket: npm graphql-ws over npm ws, as it comes.
// node witness.mjs <address> <cookie> <project>: prints one JSON line per event, in order.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [address, cookie, project] = process.argv.slice(2);
const tell = (event) => console.log(JSON.stringify(event));

class Authorised extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { headers: { cookie: `kilowise=${cookie}` } });
  }
}

const client = createClient({
  url: `ws://${address}/graphql`,
  webSocketImpl: Authorised,
  retryAttempts: 0,
  lazy: false,
  onNonLazyError: (error) => tell({ fatal: String(error) }),
  on: { connected: () => tell({ connected: true }), closed: (event) => tell({ closed: event.code }) }
});

async function each(name, query, variables, most) {
  let count = 0;
  try {
    for await (const result of client.iterate({ query, variables })) {
      tell({ [name]: result });
      count += 1;
      if (count === most) break;
    }
    tell({ [name]: 'complete' });
  } catch (error) {
    tell({ [name]: { error: Array.isArray(error) ? error[0].extensions.code : String(error) } });
  }
}

await each('query', '{ viewer { person { login } } }', {}, 1);
await each('live', 'subscription ($p: ID!) { live(project: $p, keys: ["p"]) { values { value } } }', { p: project }, 2);
await each('stranger', 'subscription { live(project: "nothing") { at } }', {}, 1);
await each('wrong', 'subscription { nothing }', {}, 1);
await client.dispose();
