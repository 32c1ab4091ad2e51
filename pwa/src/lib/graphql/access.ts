/** By what people and programs get in: sessions, keys, and the link of an invitation. */
import { graphql, type ResultOf } from './document.ts';

export const sessionsQuery = graphql(`
  query Sessions {
    viewer {
      sessions {
        id
        current
        script
        userAgent
        address
        createdAt
        lastSeenAt
      }
    }
  }
`);

export const endSessionMutation = graphql(`
  mutation EndSession($id: ID!) {
    endSession(id: $id)
  }
`);

export const keysQuery = graphql(`
  query Keys($project: ID!) {
    project(id: $project) {
      apiKeys {
        id
        name
        permissions
        expiresAt
        lastUsedAt
        revokedAt
        owner {
          login
        }
        part {
          name {
            en
            zh
          }
        }
      }
    }
  }
`);

export const makeKeyMutation = graphql(`
  mutation MakeKey($input: ApiKeyInput!) {
    makeApiKey(input: $input) {
      secret
    }
  }
`);

export const revokeKeyMutation = graphql(`
  mutation RevokeKey($project: ID!, $id: ID!) {
    revokeApiKey(project: $project, id: $id) {
      id
    }
  }
`);

export const offerQuery = graphql(`
  query Offer($token: String!) {
    invitation(token: $token) {
      expiresAt
      projectName {
        en
        zh
      }
      roleName {
        en
        zh
      }
    }
  }
`);

export const acceptMutation = graphql(`
  mutation Accept($input: AcceptInput!) {
    acceptInvitation(input: $input) {
      viewer {
        demo
      }
    }
  }
`);

export type OpenSession = NonNullable<ResultOf<typeof sessionsQuery>['viewer']>['sessions'][number];
export type ApiKey = NonNullable<ResultOf<typeof keysQuery>['project']>['apiKeys'][number];
export type Offer = ResultOf<typeof offerQuery>['invitation'];
