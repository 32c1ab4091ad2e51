/** Credentials of third parties at the broker. */
import { graphql, type ResultOf } from './document.ts';

export const mqttQuery = graphql(`
  query MqttCredentials($project: ID!) {
    project(id: $project) {
      mqttCredentials {
        id
        name
        scopes
        expiresAt
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

export const makeMqttMutation = graphql(`
  mutation MakeMqttCredential($input: MqttCredentialInput!) {
    makeMqttCredential(input: $input) {
      secret
      credential {
        id
      }
    }
  }
`);

export const revokeMqttMutation = graphql(`
  mutation RevokeMqttCredential($project: ID!, $id: ID!) {
    revokeMqttCredential(project: $project, id: $id) {
      id
    }
  }
`);

export type MqttCredential = NonNullable<
  ResultOf<typeof mqttQuery>['project']
>['mqttCredentials'][number];
export type MqttScope = MqttCredential['scopes'][number];
