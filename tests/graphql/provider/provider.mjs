// A real OpenID provider: node provider.mjs <redirect URI>... prints its issuer and serves until
// it is ended. Its own pages let anybody in under the name they type.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://localhost:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'kilowise',
        client_secret: 'secret of the client',
        redirect_uris: process.argv.slice(2),
        token_endpoint_auth_method: 'client_secret_post'
      }
    ],
    claims: { openid: ['sub'], profile: ['preferred_username'] },
    conformIdTokenClaims: false,
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, preferred_username: `${sub} at the provider` })
    })
  });
  server.on('request', provider.callback());
  process.stdout.write(`${issuer}\n`);
});
