/** Support from afar: a grant for some minutes, and what is asked under it. */
import { graphql, type ResultOf, type VariablesOf } from './document.ts';

const support = graphql(`
  fragment SupportParts on SupportRequest {
    id
    kind
    params
    until
    createdAt
    state
    code
    answer
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

export const supportQuery = graphql(
  `
    query Support($project: ID!, $gateway: ID!) {
      project(id: $project) {
        gateway(id: $gateway) {
          health {
            grantedUntil
          }
          supportRequests(first: 20) {
            ...SupportParts
          }
        }
      }
    }
  `,
  [support]
);

export const grantMutation = graphql(`
  mutation GrantSupport($project: ID!, $gateway: ID!, $key: ID!, $minutes: Int!) {
    grantSupport(project: $project, gateway: $gateway, key: $key, minutes: $minutes) {
      id
    }
  }
`);

export const askGatewayMutation = graphql(`
  mutation AskGateway($input: AskGatewayInput!) {
    askGateway(input: $input) {
      id
    }
  }
`);

export type SupportRequest = ResultOf<typeof support>;
export type SupportPage = NonNullable<
  NonNullable<ResultOf<typeof supportQuery>['project']>['gateway']
>;
export type Question = VariablesOf<typeof askGatewayMutation>['input'];
