/** Updates of a gateway's software: what was brought, what was asked for, what came of it. */
import { graphql, type ResultOf } from './document.ts';

const update = graphql(`
  fragment UpdateParts on GatewayUpdate {
    id
    version
    before
    now
    state
    code
    detail
    createdAt
    finishedAt
    person {
      id
      name {
        en
        zh
      }
    }
  }
`);

export const updatesQuery = graphql(
  `
    query Updates($project: ID!, $gateway: ID!) {
      project(id: $project) {
        gatewayReleases {
          sha256
          version
          bytes
          uploadedAt
        }
        gateway(id: $gateway) {
          id
          health {
            software
          }
          updates(first: 5) {
            ...UpdateParts
          }
        }
      }
    }
  `,
  [update]
);

export const updateGatewayMutation = graphql(`
  mutation UpdateGateway($project: ID!, $gateway: ID!, $key: ID!, $sha256: String!) {
    updateGateway(project: $project, gateway: $gateway, key: $key, sha256: $sha256) {
      id
    }
  }
`);

export type GatewayUpdate = ResultOf<typeof update>;
export type UpdatesPage = NonNullable<ResultOf<typeof updatesQuery>['project']>;
